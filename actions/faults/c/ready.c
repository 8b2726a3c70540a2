/* Is ready for traffic as soon as the file READY_FILE is there. */
#include "fault.h"
#include <unistd.h>
FAULT_LIBRARY

ACTION_EXPORT action_result action_ready(void) {
    const char *file = getenv("READY_FILE");
    if (file && access(file, F_OK) == 0)
        return OK_EMPTY;
    return fault_static(ACTION_ERROR, "still warming up");
}

INVOKE {
    UNUSED;
    return OK_EMPTY;
}
