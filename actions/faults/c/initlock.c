/* As its first step, while it is loaded, takes an exclusive record lock on LOCK_FILE and keeps it. A run says whether it got
 * it; {"how":"die"} ends the process. */
#include "fault.h"
#include <fcntl.h>
FAULT_LIBRARY
static int got;
__attribute__((constructor)) static void take(void) {
    int file = open(getenv("LOCK_FILE"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    got = fcntl(file, F_SETLK, &lock) == 0;
}
INVOKE {
    (void)context;
    if (!strcmp(fault_string(params, "how"), "die"))
        abort();
    return fault_static(ACTION_OK, got ? "{\"got\":true}" : "{\"got\":false}");
}
