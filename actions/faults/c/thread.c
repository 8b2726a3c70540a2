/* Returns at once; a thread of its own prints after the gate has opened. */
#include "fault.h"
#include <pthread.h>
FAULT_LIBRARY

static void *late(void *port) {
    int visit = fault_gate((long)port);
    puts("late line");
    fflush(stdout);
    fputs("late half line", stderr);
    close(visit);
    return NULL;
}

INVOKE {
    (void)context;
    pthread_t thread;
    long port = fault_number(params, "port", 0);
    if (port)
        pthread_create(&thread, NULL, late, (void *)port);
    return OK_EMPTY;
}
