/* Redirects or closes its standard streams: "how" is dup2, close or closeboth. */
#include "fault.h"
#include <fcntl.h>
FAULT_LIBRARY

INVOKE {
    (void)context;
    const char *how = fault_string(params, "how");
    puts("before");
    fflush(stdout);
    if (!strcmp(how, "dup2")) {
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, 1);
        dup2(nowhere, 2);
        close(nowhere);
    }
    if (!strcmp(how, "close"))
        close(1);
    if (!strcmp(how, "closeboth")) {
        close(1);
        close(2);
    }
    return OK_EMPTY;
}
