/* Takes memory and keeps it: "mb" megabytes a run, touched; with "all":1 as much as there is, or, with "idle":port, as
 * soon as that gate opens after the run. MEMORY_AT_LOAD, MEMORY_AT_INIT: as much as there is, at that time. */
#include "fault.h"
#include <pthread.h>
FAULT_LIBRARY

/* False: there is no more. */
static int take(long megabytes, int all) {
    for (long i = 0; i < megabytes || all; i++) {
        char *block = malloc(1 << 20);
        if (!block)
            return 0;
        memset(block, 1, 1 << 20);
    }
    return 1;
}

static void *take_later(void *port) {
    fault_gate((long)port);
    take(0, 1);
    return NULL;
}

__attribute__((constructor)) static void load(void) {
    if (getenv("MEMORY_AT_LOAD"))
        take(0, 1);
}

ACTION_EXPORT action_result action_init(const action_context *context) {
    (void)context;
    if (getenv("MEMORY_AT_INIT"))
        take(0, 1);
    return OK_EMPTY;
}

INVOKE {
    (void)context;
    long port = fault_number(params, "idle", 0);
    pthread_t thread;
    if (port)
        pthread_create(&thread, NULL, take_later, (void *)port);
    if (!take(fault_number(params, "mb", 0), (int)fault_number(params, "all", 0)))
        return fault_static(ACTION_ERROR, "no memory");
    return OK_EMPTY;
}
