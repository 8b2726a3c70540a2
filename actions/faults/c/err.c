/* Ends with an error: as JSON, as text with everything in it that needs escaping, as a panic, or with nothing at all. */
#include "fault.h"
FAULT_LIBRARY

INVOKE {
    (void)context;
    const char *kind = fault_string(params, "kind");
    if (strcmp(kind, "json") == 0)
        return fault_static(ACTION_ERROR, "{\"statusCode\":404,\"body\":\"none\"}");
    if (strcmp(kind, "panic") == 0)
        return fault_static(ACTION_PANIC, "the action gave up");
    if (strcmp(kind, "empty") == 0)
        return fault_static(ACTION_ERROR, NULL);
    if (strcmp(kind, "badutf8") == 0)
        return fault_static(ACTION_ERROR, "bad \xff byte");
    if (strcmp(kind, "status") == 0)
        return fault_static(77, "{}");
    return fault_static(ACTION_ERROR, "say \"no\" \\ in\ntwo lines \xe2\x98\x83");
}
