/* Prints past every buffer: write(2) on descriptors 1 and 2. With "newline":1 the output ends in one. */
#include "fault.h"
FAULT_LIBRARY

INVOKE {
    (void)context;
    size_t length = fault_number(params, "newline", 0) ? 4 : 3;
    if (write(1, "out\n", length) < 0 || write(2, "err\n", length) < 0)
        return fault_static(ACTION_ERROR, "write failed");
    return OK_EMPTY;
}
