/* Has no default entry point, but two others, of which it describes one. */
#include "fault.h"
FAULT_LIBRARY

ACTION_EXPORT action_result niam(action_str params, const action_context *context) {
    (void)context;
    return fault_copy(params);
}

ACTION_EXPORT action_result action_describe(action_str entry_point) {
    if (entry_point.len == 4 && memcmp(entry_point.ptr, "niam", 4) == 0)
        return fault_static(ACTION_OK, "{\"description\":\"Gives back what it gets.\"}");
    return fault_static(ACTION_ERROR, "no description");
}

ACTION_EXPORT action_result other(action_str params, const action_context *context) {
    UNUSED;
    return fault_static(ACTION_OK, "{\"other\":true}");
}
