/* Has two threads that read the environment all the time, as the pool of a resolver does. */
#include "fault.h"
#include <pthread.h>
FAULT_LIBRARY
static void *look(void *unused) {
    for (;;)
        if (getenv("NOT_THERE"))
            return unused;
}
__attribute__((constructor)) static void start(void) {
    pthread_t thread;
    for (int i = 0; i < 2; i++)
        pthread_create(&thread, NULL, look, NULL);
}
INVOKE {
    UNUSED;
    const char *id = getenv("__OW_ACTIVATION_ID");
    char *text = NULL;
    int length = asprintf(&text, "{\"id\":\"%s\"}", id ? id : "");
    return fault_owned(text, (size_t)length);
}
