/* Forks, as "how" says: "return" lets the child return into the server; "exit" makes children and grandchildren that end
 * at once; "linger" leaves a child and a grandchild behind that wait for ever. "count" of them. */
#include "fault.h"
FAULT_LIBRARY

static void child(int lingers) {
    if (fork() == 0 && !lingers)
        _exit(0);
    while (lingers)
        pause();
    _exit(0);
}

INVOKE {
    (void)context;
    const char *word = fault_string(params, "how");
    long count = fault_number(params, "count", 1);
    for (long i = 0; i < count; i++)
        if (*word && fork() == 0) {
            if (!strcmp(word, "return"))
                return fault_static(ACTION_OK, "{\"child\":true}");
            child(!strcmp(word, "linger"));
        }
    return fault_static(ACTION_OK, "{\"parent\":true}");
}
