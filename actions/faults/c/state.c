/* Counts its runs. */
#include "fault.h"
FAULT_LIBRARY

INVOKE {
    UNUSED;
    static int count;
    char *text = NULL;
    int length = asprintf(&text, "{\"count\":%d}", ++count);
    return fault_owned(text, (size_t)length);
}
