/* action_init waits at the gate whose port is in GATE. */
#include "fault.h"
FAULT_LIBRARY

ACTION_EXPORT action_result action_init(const action_context *context) {
    (void)context;
    close(fault_gate(atol(getenv("GATE"))));
    return OK_EMPTY;
}

INVOKE {
    (void)context;
    return fault_copy(params);
}
