/* Speaks a version of the ABI that no runner knows. */
#include "fault.h"

ACTION_EXPORT uint32_t action_abi_version(void) { return 99; }
INVOKE {
    UNUSED;
    return OK_EMPTY;
}
