/* The whole environment of the process as a JSON object. */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H
#include "fault.h"

static inline char *environment_json(size_t *length) {
    char *text = NULL;
    FILE *out = open_memstream(&text, length);
    fputc('{', out);
    for (char **variable = environ; *variable; variable++) {
        const char *equals = strchr(*variable, '=');
        if (variable != environ)
            fputc(',', out);
        fault_quote(out, *variable, (size_t)(equals - *variable));
        fputc(':', out);
        fault_quote(out, equals + 1, strlen(equals + 1));
    }
    fputc('}', out);
    fclose(out);
    return text;
}

#endif
