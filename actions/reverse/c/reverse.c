/*
 * {"payload":"text"} -> {"reversed":"txet"}, by Unicode scalar.
 *
 * The string is never decoded: its characters change places as they are written, so an escape stays the escape
 * it was (a surrogate pair counts as one character, half of one too). The runner hands over valid JSON; what is
 * checked here is that nothing is read beyond its end.
 */
#include "action.h"

#include <stdbool.h>

/* What is left to read. */
typedef struct {
    const char *at, *end;
} text;

static bool starts_with(const text *in, char c) { return in->at < in->end && *in->at == c; }

static void skip_space(text *in) {
    while (in->at < in->end && strchr(" \t\r\n", *in->at) != NULL && *in->at != '\0') {
        in->at++;
    }
}

static bool take(text *in, char c) {
    skip_space(in);
    if (!starts_with(in, c)) {
        return false;
    }
    in->at++;
    return true;
}

/* The four digits of \uXXXX, or -1. */
static long hex4(const char *at, const char *end) {
    long value = 0;
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u') {
        return -1;
    }
    for (int i = 2; i < 6; i++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *digit  = at[i] == '\0' ? NULL : strchr(digits, at[i]);
        if (digit == NULL) {
            return -1;
        }
        value = value * 16 + (digit - digits) % 16;
    }
    return value;
}

/* Bytes of the escape at `at`, 0 if it is none. A pair of surrogates is one character. */
static size_t escape_size(const char *at, const char *end) {
    long high = hex4(at, end);
    if (high < 0) {
        return end - at >= 2 && at[1] != '\0' && strchr("\"\\/bfnrt", at[1]) != NULL ? 2 : 0;
    }
    if (high >= 0xD800 && high <= 0xDBFF) {
        long low = hex4(at + 6, end);
        return low >= 0xDC00 && low <= 0xDFFF ? 12 : 6;
    }
    return 6;
}

/* Bytes of the next character of a string, as it is written; 0 at the closing quote and if there is none. */
static size_t character_size(const char *at, const char *end) {
    if (at == end || *at == '"' || (unsigned char)*at < 0x20) {
        return 0;
    }
    if (*at == '\\') {
        return escape_size(at, end);
    }
    size_t size = 1;
    while (at + size < end && ((unsigned char)at[size] & 0xC0) == 0x80) {
        size++;
    }
    return size;
}

/* A string; `content` is what stands between its quotes. */
static bool take_string(text *in, text *content) {
    if (!take(in, '"')) {
        return false;
    }
    content->at = in->at;
    for (size_t size; (size = character_size(in->at, in->end)) > 0;) {
        in->at += size;
    }
    content->end = in->at;
    return take(in, '"');
}

/* Any value, unread. */
static bool skip_value(text *in) {
    size_t depth = 0;
    text   ignored;
    do {
        skip_space(in);
        if (in->at == in->end) {
            return false;
        }
        if (starts_with(in, '"')) {
            if (!take_string(in, &ignored)) {
                return false;
            }
        } else if (starts_with(in, '{') || starts_with(in, '[')) {
            depth++;
            in->at++;
        } else if (depth > 0 && (starts_with(in, '}') || starts_with(in, ']'))) {
            depth--;
            in->at++;
        } else if (depth > 0 && (starts_with(in, ',') || starts_with(in, ':'))) {
            in->at++;
        } else {
            const char *start = in->at;
            while (in->at < in->end && strchr(",:]} \t\r\n", *in->at) == NULL) {
                in->at++;
            }
            if (in->at == start) {
                return false;
            }
        }
    } while (depth > 0);
    return true;
}

/* Is this content of a string, which may be written with escapes, the same as `word` (of ASCII letters)? */
static bool reads(text content, const char *word) {
    for (; *word != '\0'; word++) {
        size_t size = character_size(content.at, content.end);
        bool   same = size == 1 ? *content.at == *word : size == 6 && hex4(content.at, content.end) == *word;
        if (!same) {
            return false;
        }
        content.at += size;
    }
    return content.at == content.end;
}

/* Finds the payload, and says what is wrong with it; NULL if nothing is. */
static const char *find_payload(text in, text *payload) {
    bool found = false;
    if (!take(&in, '{')) {
        return "Invalid parameters: not an object";
    }
    if (take(&in, '}')) {
        return "Invalid parameters: missing field `payload`";
    }
    do {
        text key;
        if (!take_string(&in, &key) || !take(&in, ':')) {
            return "Invalid parameters: a member without a name";
        }
        if (reads(key, "payload")) {
            if (!take_string(&in, payload)) {
                return "Invalid parameters at payload: expected a string";
            }
            found = true;
        } else if (!skip_value(&in)) {
            return "Invalid parameters: a member without a value";
        }
    } while (take(&in, ','));
    if (!take(&in, '}')) {
        return "Invalid parameters: the object does not end";
    }
    return found ? NULL : "Invalid parameters: missing field `payload`";
}

ACTION_EXPORT uint32_t action_abi_version(void) { return ACTION_ABI_VERSION; }

ACTION_EXPORT action_result invoke(action_str params, const action_context *context) {
    static const char before[] = "{\"reversed\":\"", after[] = "\"}";

    text        payload = {NULL, NULL}, all = {params.ptr, params.ptr + params.len};
    const char *problem = find_payload(all, &payload);
    (void)context;
    if (problem != NULL) {
        return action_error_static(problem);
    }

    size_t length = (size_t)(payload.end - payload.at);
    size_t size   = sizeof before - 1 + length + sizeof after - 1;
    char  *answer = (char *)malloc(size);
    if (answer == NULL) {
        return action_error_static("The action ran out of memory.");
    }
    memcpy(answer, before, sizeof before - 1);
    char *place = answer + sizeof before - 1 + length;
    memcpy(place, after, sizeof after - 1);
    for (const char *at = payload.at; at < payload.end;) {
        size_t one = character_size(at, payload.end);
        place -= one;
        memcpy(place, at, one);
        at += one;
    }
    return action_ok_owned(answer, size);
}
