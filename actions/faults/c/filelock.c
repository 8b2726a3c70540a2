/* Takes an exclusive record lock on the file LOCK_FILE, and says whether it got it. {"port":n}: holds it at the gate of the
 * test; {"how":"die"}: dies with it. */
#include "fault.h"
#include <fcntl.h>
FAULT_LIBRARY
INVOKE {
    (void)context;
    int file = open(getenv("LOCK_FILE"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int got = fcntl(file, F_SETLK, &lock) == 0;
    long port = fault_number(params, "port", 0);
    if (port)
        close(fault_gate(port));
    if (!strcmp(fault_string(params, "how"), "die"))
        abort();
    close(file);
    return fault_static(ACTION_OK, got ? "{\"got\":true}" : "{\"got\":false}");
}
