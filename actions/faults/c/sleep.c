/* Sleeps for "ms" milliseconds. */
#include "fault.h"
FAULT_LIBRARY

INVOKE {
    (void)context;
    usleep((useconds_t)fault_number(params, "ms", 10) * 1000);
    return OK_EMPTY;
}
