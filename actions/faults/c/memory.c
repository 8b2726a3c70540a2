/* Takes memory and keeps it: "mb" megabytes a run, touched; with "all":1 as much as there is. */
#include "fault.h"
FAULT_LIBRARY

INVOKE {
    (void)context;
    long megabytes = fault_number(params, "mb", 0);
    int all = (int)fault_number(params, "all", 0);
    for (long i = 0; i < megabytes || all; i++) {
        char *block = malloc(1 << 20);
        if (!block)
            return fault_static(ACTION_ERROR, "no memory");
        memset(block, 1, 1 << 20);
    }
    return OK_EMPTY;
}
