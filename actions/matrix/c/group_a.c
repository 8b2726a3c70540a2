/* What group A of the conformance cases asks for, one entry point each, on action.h. */
#define _POSIX_C_SOURCE 200809L
#include "action.h"

#include <stdio.h>

ACTION_EXPORT uint32_t action_abi_version(void) { return ACTION_ABI_VERSION; }

static action_result out_of_memory(void) {
    action_result result = action_error_static("out of memory");
    result.status        = ACTION_PANIC;
    return result;
}

static action_result same(action_str params) {
    char *copy = malloc(params.len + 1);
    if (copy == NULL) return out_of_memory();
    memcpy(copy, params.ptr, params.len);
    return action_ok_owned(copy, params.len);
}

/* {"NAME":"value",...} of variables whose values need no escapes. */
static action_result environment(const char *const *names, size_t count) {
    char  *json = NULL;
    size_t len  = 0;
    FILE  *text = open_memstream(&json, &len);
    if (text == NULL) return out_of_memory();
    for (size_t i = 0; i < count; i++) {
        const char *value = getenv(names[i]);
        fprintf(text, "%c\"%s\":\"%s\"", i == 0 ? '{' : ',', names[i], value == NULL ? "(not set)" : value);
    }
    fputc('}', text);
    return fclose(text) == 0 ? action_ok_owned(json, len) : out_of_memory();
}

/* Found in the environment before the first run. */
static action_result seen;

ACTION_EXPORT action_result action_init(const action_context *context) {
    static const char *const names[] = {"SOME_VAR", "ANOTHER_VAR"};
    (void)context;
    seen         = environment(names, 2);
    seen.release = NULL;
    return action_ok_static("");
}

ACTION_EXPORT action_result invoke(action_str params, const action_context *context) {
    (void)context;
    puts("hello stdout");
    fflush(stdout);
    fputs("hello stderr\n", stderr);
    return same(params);
}

ACTION_EXPORT action_result niam(action_str params, const action_context *context) {
    (void)context;
    return same(params);
}

/* {"delimiter":"..."} without escapes */
ACTION_EXPORT action_result unicode(action_str params, const action_context *context) {
    const char *start = memchr(params.ptr, ':', params.len);
    char       *json  = NULL;
    size_t      len   = 0;
    FILE       *text;
    (void)context;
    if (start == NULL) return action_error_static("no delimiter");
    start += 2;
    int length = (int)(params.ptr + params.len - start) - 2;
    printf("%.*s ☃ %.*s\n", length, start, length, start);
    fflush(stdout);
    text = open_memstream(&json, &len);
    if (text == NULL) return out_of_memory();
    fprintf(text, "{\"winter\":\"%.*s ☃ %.*s\"}", length, start, length, start);
    return fclose(text) == 0 ? action_ok_owned(json, len) : out_of_memory();
}

ACTION_EXPORT action_result variables(action_str params, const action_context *context) {
    static const char *const names[] = {"__OW_API_KEY",        "__OW_NAMESPACE",     "__OW_ACTION_NAME",
                                        "__OW_ACTION_VERSION", "__OW_ACTIVATION_ID", "__OW_DEADLINE",
                                        "__OW_API_HOST"};
    (void)params;
    (void)context;
    return environment(names, sizeof names / sizeof *names);
}

ACTION_EXPORT action_result initialised(action_str params, const action_context *context) {
    (void)params;
    (void)context;
    return seen;
}

ACTION_EXPORT action_result scalar(action_str params, const action_context *context) {
    (void)params;
    (void)context;
    return action_ok_static("\"text\"");
}

ACTION_EXPORT action_result refuses(action_str params, const action_context *context) {
    char text[128];
    (void)params;
    snprintf(text, sizeof text, "refused %.*s", (int)context->activation_id.len, context->activation_id.ptr);
    return action_error_text(text);
}

ACTION_EXPORT action_result breaks(action_str params, const action_context *context) {
    (void)params;
    (void)context;
    abort();
}
