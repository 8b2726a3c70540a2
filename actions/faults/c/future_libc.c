/* Needs a symbol version that no C library has yet. */
#include "fault.h"
FAULT_LIBRARY

int future_function(void);

INVOKE {
    UNUSED;
    return future_function() ? OK_EMPTY : fault_static(ACTION_ERROR, "no future");
}
