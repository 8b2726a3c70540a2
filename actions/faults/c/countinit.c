/* Counts its inits, and whether a run has begun beside one. */
#include "fault.h"
#include <stdatomic.h>
FAULT_LIBRARY
static atomic_int inits, inside, beside;
ACTION_EXPORT action_result action_init(const action_context *context) {
    (void)context;
    inits++;
    inside++;
    usleep(100000); /* the case itself: long enough for others to come */
    inside--;
    return OK_EMPTY;
}
INVOKE {
    UNUSED;
    char *text = NULL;
    if (inside)
        beside++;
    int length = asprintf(&text, "{\"inits\":%d,\"beside\":%d}", inits, beside);
    return fault_owned(text, (size_t)length);
}
