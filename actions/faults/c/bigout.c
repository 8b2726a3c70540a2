/* Returns an object of exactly "n" bytes. */
#include "fault.h"
FAULT_LIBRARY

INVOKE {
    (void)context;
    size_t n = (size_t)fault_number(params, "n", 8);
    char *text = malloc(n);
    memset(text, 'x', n);
    memcpy(text, "{\"s\":\"", 6);
    memcpy(text + n - 2, "\"}", 2);
    return fault_owned(text, n);
}
