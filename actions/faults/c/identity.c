/* Returns what it was given, and prints nothing. */
#include "fault.h"
FAULT_LIBRARY

INVOKE {
    (void)context;
    return fault_copy(params);
}
