/* Returns the context that came by value with the call. */
#include "fault.h"
FAULT_LIBRARY

static void field(FILE *out, const char *name, action_str text) {
    fprintf(out, ",\"%s\":", name);
    fault_quote(out, text.ptr, text.len);
}

INVOKE {
    (void)params;
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    fprintf(out, "{\"deadline_ms\":%lld", (long long)context->deadline_ms);
    field(out, "activation_id", context->activation_id);
    field(out, "transaction_id", context->transaction_id);
    field(out, "namespace", context->ns);
    field(out, "action_name", context->action_name);
    field(out, "action_version", context->action_version);
    field(out, "api_key", context->api_key);
    field(out, "api_host", context->api_host);
    field(out, "traceparent", context->traceparent);
    field(out, "tracestate", context->tracestate);
    fputc('}', out);
    fclose(out);
    return fault_owned(text, length);
}
