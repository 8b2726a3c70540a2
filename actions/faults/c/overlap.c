/* Says how many runs it has seen at the same time, itself counted; takes "ms" milliseconds. */
#include "fault.h"
FAULT_LIBRARY

static int running, most;

INVOKE {
    (void)context;
    int now = __atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
    if (now > most)
        most = now;
    printf("begin %ld\n", fault_number(params, "id", 0));
    usleep((useconds_t)fault_number(params, "ms", 1) * 1000);
    printf("end %ld\n", fault_number(params, "id", 0));
    char *text = NULL;
    int length = asprintf(&text, "{\"id\":%ld,\"most\":%d}", fault_number(params, "id", 0), most);
    __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
    return fault_owned(text, (size_t)length);
}
