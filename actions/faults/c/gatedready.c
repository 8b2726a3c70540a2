/* Is ready at once when it is asked for the first time; later it waits at the gate first. */
#include "fault.h"
FAULT_LIBRARY
ACTION_EXPORT action_result action_ready(void) {
    static int asked;
    if (asked++)
        close(fault_gate(atol(getenv("GATE"))));
    return OK_EMPTY;
}
INVOKE { UNUSED; return OK_EMPTY; }
