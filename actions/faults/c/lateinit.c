/* Gives back what it is given. The second time, below the same master, its init takes five seconds: a file says that there
 * was a first. */
#include "fault.h"
#include <fcntl.h>
FAULT_LIBRARY
ACTION_EXPORT action_result action_init(const action_context *context) {
    (void)context;
    char path[64];
    snprintf(path, sizeof path, "/tmp/lateinit-%d", getppid());
    int mark = open(path, O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (mark < 0) {
        unlink(path);
        sleep(5); /* the case itself */
    }
    return OK_EMPTY;
}
INVOKE {
    (void)context;
    return fault_copy(params);
}
