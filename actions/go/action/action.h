/*
 * action.h: the action ABI, version 1, for C and everything that speaks C.
 *
 * An action is a shared library with functions from JSON text to JSON text. It exports
 *
 *   uint32_t      action_abi_version(void);                                  returns ACTION_ABI_VERSION
 *   action_result invoke(action_str params, const action_context *context);  the default entry point
 *
 * and, if it likes,
 *
 *   action_result NAME(action_str params, const action_context *context);    more entry points, by their names
 *   action_result action_init(const action_context *context);                once, before the first call of any
 *                                                 entry point; not ACTION_OK: the library is not used
 *   action_result action_ready(void);             is the action ready for traffic? asked once a second; may overlap with a run
 *   action_result action_describe(action_str entry_point);                   {"description":…,"parameters":
 *                                                 <JSON Schema>,"result":<JSON Schema>}, or ACTION_ERROR
 *
 * None of these is declared here, since cgo writes its own prototypes: put ACTION_EXPORT before each.
 * Entry points are called from any thread, and from several at once where the runner is told to. No C++
 * exception may leave them. A library is never unloaded.
 *
 * Nothing below changes its size, order or meaning within version 1; action_context grows at its end.
 */
#ifndef ACTION_H
#define ACTION_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ACTION_ABI_VERSION 1

/* Before the definition of each function that the runner calls. */
#ifdef __cplusplus
#define ACTION_EXPORT extern "C" __attribute__((visibility("default")))
#else
#define ACTION_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Borrowed UTF-8, not NUL-terminated. */
typedef struct action_str {
    const char *ptr; /* the runner's, until the call returns; may be NULL when len is 0 */
    size_t      len; /* number of bytes */
} action_str;

/*
 * What a run knows about itself. The struct and every string in it are the runner's, until the call returns:
 * copy what must stay. Append-only: read a field only if ACTION_CONTEXT_HAS it. Empty = not given.
 */
typedef struct action_context {
    size_t     size;           /* bytes of this struct that the runner filled in */
    int64_t    deadline_ms;    /* end of the run's time, Unix time in ms; 0 = none */
    action_str activation_id;  /* id of this activation; the runner's, until the call returns */
    action_str transaction_id; /* id of the transaction it belongs to; the runner's, until the call returns */
    action_str ns;             /* namespace of the action; the runner's, until the call returns */
    action_str action_name;    /* full name of the action; the runner's, until the call returns */
    action_str action_version; /* version of the action; the runner's, until the call returns */
    action_str api_key;        /* key for the platform's API, a secret; the runner's, until the call returns */
    action_str api_host;       /* address of the platform's API; the runner's, until the call returns */
    action_str traceparent;    /* W3C trace context of the request; the runner's, until the call returns */
    action_str tracestate;     /* W3C trace context of the request; the runner's, until the call returns */
} action_context;

/* True if the runner gave this context, and it is long enough to have this field. */
#define ACTION_CONTEXT_HAS(context, field)                                                                   \
    ((context) != NULL &&                                                                                    \
     (context)->size >= offsetof(action_context, field) + sizeof((context)->field))

/* The values of action_result.status. */
enum {
    ACTION_OK    = 0, /* ptr holds the result: a JSON object or array */
    ACTION_ERROR = 1, /* ptr holds the error: any JSON value; text that is not JSON is sent as a JSON string */
    ACTION_PANIC = 2  /* the action broke down; ptr as for ACTION_ERROR, and the caller gets a 502 */
};

/* What a call gives back. */
typedef struct action_result {
    int32_t     status; /* ACTION_OK, ACTION_ERROR or ACTION_PANIC */
    const char *ptr;    /* UTF-8; the library's, left unchanged until release is called (for ever if that is
                           NULL); sent without being copied; may be NULL when len is 0 */
    size_t      len;    /* number of bytes */
    void      (*release)(void *owner); /* called once, from any thread, when the runner is done with ptr;
                                          NULL = ptr is static */
    void       *owner;  /* the library's: handed to release, and never looked at by the runner */
} action_result;

/* A result whose bytes are freed by release(owner). */
static inline action_result action_owned(int32_t status, const char *ptr, size_t len,
                                         void (*release)(void *owner), void *owner) {
    action_result result;
    result.status  = status;
    result.ptr     = ptr;
    result.len     = len;
    result.release = release;
    result.owner   = owner;
    return result;
}

/* A JSON text made with malloc; the runner has it freed. */
static inline action_result action_ok_owned(char *json, size_t len) {
    return action_owned(ACTION_OK, json, len, free, json);
}

/* A JSON text that lives for ever, such as a literal. "" is the answer of action_init when all is well. */
static inline action_result action_ok_static(const char *json) {
    return action_owned(ACTION_OK, json, strlen(json), NULL, NULL);
}

/* An error that lives for ever: a text such as a literal, or a JSON value. */
static inline action_result action_error_static(const char *text) {
    return action_owned(ACTION_ERROR, text, strlen(text), NULL, NULL);
}

/* An error made with malloc, a text or a JSON value; the runner has it freed. */
static inline action_result action_error_owned(char *text, size_t len) {
    return action_owned(ACTION_ERROR, text, len, free, text);
}

/* An error that is copied, so that it may live on the stack. */
static inline action_result action_error_text(const char *text) {
    size_t len  = strlen(text);
    char  *copy = (char *)malloc(len + 1);
    if (copy == NULL) {
        return action_error_static("The action ran out of memory.");
    }
    memcpy(copy, text, len + 1);
    return action_error_owned(copy, len);
}

#ifdef __cplusplus
}
#endif

#endif
