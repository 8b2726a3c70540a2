/* Answers {"received": <the parameters>}. A JSON library of your choice goes where the text is put together. */
#include "action.h"

#include <stdlib.h>
#include <string.h>

ACTION_EXPORT uint32_t action_abi_version(void) {
    return ACTION_ABI_VERSION;
}

ACTION_EXPORT action_result invoke(action_str params, const action_context *context) {
    static const char head[] = "{\"received\":";
    const size_t start = sizeof head - 1, len = start + params.len + 1;
    char *json = malloc(len);
    (void)context;
    if (json == NULL) {
        return action_error_static("The action ran out of memory.");
    }
    memcpy(json, head, start);
    memcpy(json + start, params.ptr, params.len);
    json[len - 1] = '}';
    return action_ok_owned(json, len); /* the runner has it freed */
}
