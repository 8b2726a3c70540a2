/* Has no default entry point, but two others. */
#include "fault.h"
FAULT_LIBRARY

ACTION_EXPORT action_result niam(action_str params, const action_context *context) {
    (void)context;
    return fault_copy(params);
}

ACTION_EXPORT action_result other(action_str params, const action_context *context) {
    UNUSED;
    return fault_static(ACTION_OK, "{\"other\":true}");
}
