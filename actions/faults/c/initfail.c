/* action_init says no, as FAIL tells: with an error, with a panic, or with a status that does not exist. */
#include "fault.h"
FAULT_LIBRARY

ACTION_EXPORT action_result action_init(const action_context *context) {
    (void)context;
    const char *how = getenv("FAIL");
    if (how && !strcmp(how, "panic"))
        return fault_static(ACTION_PANIC, "the initialiser gave up");
    if (how && !strcmp(how, "status"))
        return fault_static(55, NULL);
    if (how && !strcmp(how, "none"))
        return OK_EMPTY;
    fputs("connecting\n", stderr);
    return fault_static(ACTION_ERROR, "the database is away");
}

INVOKE {
    UNUSED;
    return OK_EMPTY;
}
