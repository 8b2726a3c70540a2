/* Whatever it is given -> {"greeting":"Hello!"} */
#include <action.h>

ACTION_EXPORT uint32_t action_abi_version(void) {
    return ACTION_ABI_VERSION;
}

ACTION_EXPORT action_result invoke(action_str params, const action_context *context) {
    static const char greeting[] = "{\"greeting\":\"Hello!\"}";
    (void)params;
    (void)context;
    return (action_result){ACTION_OK, greeting, sizeof greeting - 1, NULL, NULL};
}
