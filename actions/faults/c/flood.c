/* Prints "bytes" bytes on each stream, in lines of "line" bytes, through stdio. */
#include "fault.h"
FAULT_LIBRARY

INVOKE {
    (void)context;
    long bytes = fault_number(params, "bytes", 0), line = fault_number(params, "line", 64);
    char *text = malloc((size_t)line);
    memset(text, 'x', (size_t)line);
    text[line - 1] = '\n';
    for (long done = 0; done < bytes; done += line) {
        fwrite(text, 1, (size_t)line, stdout);
        fwrite(text, 1, (size_t)line, stderr);
    }
    free(text);
    return OK_EMPTY;
}
