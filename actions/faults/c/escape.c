/* Leaves a process that has escaped: {"how":"setsid"} from its session, {"how":"twice"} from its parent as well. It accepts on
 * whatever listening socket it has. */
#include "fault.h"
FAULT_LIBRARY
static void answer(void) {
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 16\r\nConnection: close\r\n\r\n{\"escaped\":true}";
    char request[4096];
    for (;;) {
        for (int i = 3; i < 1024; i++) {
            int on = 0;
            socklen_t size = sizeof on;
            if (getsockopt(i, SOL_SOCKET, SO_ACCEPTCONN, &on, &size) || !on)
                continue;
            int caller = accept(i, NULL, NULL);
            if (caller >= 0 && read(caller, request, sizeof request) > 0)
                (void)!write(caller, text, sizeof text - 1);
            close(caller);
        }
        usleep(1000);
    }
}
INVOKE {
    (void)context;
    int twice = !strcmp(fault_string(params, "how"), "twice");
    if (!*fault_string(params, "how") || fork())
        return OK_EMPTY;
    setsid();
    if (twice && fork())
        _exit(0);
    alarm(120);
    answer();
    _exit(0);
}
