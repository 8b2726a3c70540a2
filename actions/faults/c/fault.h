/* What the fixtures share: exporting the version, making results, reading a number or a string out of flat parameters,
 * and waiting at the gate of a test. Not a JSON library: it knows the requests that the tests send, no others. */
#ifndef FAULT_H
#define FAULT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "action.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FAULT_LIBRARY \
    ACTION_EXPORT uint32_t action_abi_version(void) { return ACTION_ABI_VERSION; }
#define INVOKE ACTION_EXPORT action_result invoke(action_str params, const action_context *context)
#define UNUSED (void)params, (void)context

/* A result that is never freed. */
static inline action_result fault_static(int32_t status, const char *text) {
    action_result result = {status, text, text ? strlen(text) : 0, NULL, NULL};
    return result;
}
#define OK_EMPTY fault_static(ACTION_OK, "{}")

/* A result in memory from malloc, freed by the runner. */
static inline action_result fault_owned(char *text, size_t len) {
    action_result result = {ACTION_OK, text, len, free, text};
    return result;
}

static inline action_result fault_copy(action_str text) {
    char *copy = (char *)malloc(text.len + 1);
    memcpy(copy, text.ptr, text.len);
    return fault_owned(copy, text.len);
}

/* The first byte after `"key":`, or NULL. */
static inline const char *fault_value(action_str params, const char *key) {
    char quoted[64];
    int length = snprintf(quoted, sizeof quoted, "\"%s\":", key);
    return (const char *)memmem(params.ptr, params.len, quoted, (size_t)length);
}

static inline long fault_number(action_str params, const char *key, long otherwise) {
    const char *at = fault_value(params, key);
    return at ? strtol(at + strlen(key) + 3, NULL, 10) : otherwise;
}

/* A string without escapes; "" when it is not there. The text lives until the thread's next call. */
static inline const char *fault_string(action_str params, const char *key) {
    static __thread char text[256];
    const char *at = fault_value(params, key);
    const char *end = params.ptr + params.len;
    size_t length = 0;
    if (at && at + strlen(key) + 4 < end)
        for (at += strlen(key) + 4; at < end && *at != '"' && length < sizeof text - 1; at++)
            text[length++] = *at;
    text[length] = 0;
    return text;
}

/* Arrives at the test's gate, says its pid, and waits to be let through. The returned descriptor is the visit: close it to leave. */
static inline int fault_gate(long port) {
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int visit = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int32_t pid = getpid();
    if (connect(visit, (struct sockaddr *)&address, sizeof address) || write(visit, &pid, sizeof pid) != sizeof pid)
        perror("gate");
    if (read(visit, &pid, 1) < 0)
        perror("gate");
    return visit;
}

/* `text` as a JSON string, appended to `out`. */
static inline void fault_quote(FILE *out, const char *text, size_t len) {
    fputc('"', out);
    for (size_t i = 0; i < len; i++)
        if (text[i] == '"' || text[i] == '\\')
            fprintf(out, "\\%c", text[i]);
        else if ((unsigned char)text[i] < 0x20)
            fprintf(out, "\\u%04x", text[i]);
        else
            fputc(text[i], out);
    fputc('"', out);
}

#endif
