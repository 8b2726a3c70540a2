/* A call that does nothing: what entering and leaving costs. */
#include "action.h"

ACTION_EXPORT uint32_t action_abi_version(void) { return ACTION_ABI_VERSION; }

ACTION_EXPORT action_result invoke(action_str params, const action_context *context) {
    (void)params;
    (void)context;
    return action_ok_static("[]");
}
