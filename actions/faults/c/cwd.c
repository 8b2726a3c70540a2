/* Reads ./data.txt, and says where "." is. */
#include "fault.h"
FAULT_LIBRARY

INVOKE {
    UNUSED;
    char data[256] = "", where[4096] = "", *text = NULL;
    FILE *file = fopen("./data.txt", "r");
    if (file && !fgets(data, sizeof data, file))
        strcpy(data, "unreadable");
    if (!getcwd(where, sizeof where))
        strcpy(where, "nowhere");
    int length = asprintf(&text, "{\"data\":\"%s\",\"cwd\":\"%s\"}", data, where);
    return fault_owned(text, (size_t)length);
}
