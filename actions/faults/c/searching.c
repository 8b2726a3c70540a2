/* Searches its own memory for a mark: {"search":"text"}. What it was sent itself holds the text in two halves,
 * {"first":"…","second":"…"}, so that only others' copies are whole. The answer counts them. */
#include "fault.h"
#include <stdint.h>
FAULT_LIBRARY
INVOKE {
    (void)context;
    char mark[256], line[512], *text = NULL;
    snprintf(mark, sizeof mark, "%s", fault_string(params, "first"));
    size_t half = strlen(mark);
    const char *second = fault_string(params, "second");
    FILE *maps = fopen("/proc/self/maps", "r");
    long found = 0;
    while (*second && maps && fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        char access[8];
        if (sscanf(line, "%lx-%lx %7s", &start, &end, access) != 3 || access[0] != 'r' || strstr(line, "[v"))
            continue;
        size_t rest = strlen(second);
        for (const char *at = (const char *)start; at + half + rest <= (const char *)end; at++)
            if (*at == mark[0] && !memcmp(at, mark, half) && !memcmp(at + half, second, rest))
                found++;
    }
    if (maps)
        fclose(maps);
    int length = asprintf(&text, "{\"found\":%ld}", found);
    return fault_owned(text, (size_t)length);
}
