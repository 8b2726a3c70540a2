/* Closes every descriptor from "from" on that it can find. */
#include "fault.h"
FAULT_LIBRARY

INVOKE {
    (void)context;
    int from = (int)fault_number(params, "from", -1);
    for (int descriptor = from; from >= 0 && descriptor < 4096; descriptor++)
        close(descriptor);
    return OK_EMPTY;
}
