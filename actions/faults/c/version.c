/* Says which version of itself was compiled (-DVERSION=N), and returns what it was given: {"version":N,"given":…}; with
 * {"after":port} at the gate first. Compiled with -DDIE it ends the process while it is loaded, with -DREFUSE its init
 * says no. */
#include "fault.h"
FAULT_LIBRARY

#ifndef VERSION
#define VERSION 1
#endif

#ifdef DIE
__attribute__((constructor)) static void load(void) {
    abort();
}
#endif

#ifdef REFUSE
ACTION_EXPORT action_result action_init(const action_context *context) {
    (void)context;
    return fault_static(ACTION_ERROR, "\"no database\"");
}
#endif

INVOKE {
    (void)context;
    long gate = fault_number(params, "after", 0);
    if (gate)
        close(fault_gate(gate));
    char *text = NULL;
    int length = asprintf(&text, "{\"version\":%d,\"given\":%.*s}", VERSION, (int)params.len, params.ptr);
    return fault_owned(text, (size_t)length);
}
