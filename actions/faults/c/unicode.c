/* Puts a snowman between two delimiters, prints and returns that. */
#include "fault.h"
FAULT_LIBRARY

INVOKE {
    (void)context;
    const char *d = fault_string(params, "delimiter");
    char *text = NULL;
    printf("%s \xe2\x98\x83 %s\n", d, d);
    int length = asprintf(&text, "{\"winter\":\"%s \xe2\x98\x83 %s\"}", d, d);
    return fault_owned(text, (size_t)length);
}
