/* Returns the kind of answer that the parameter "kind" names: the wrong ones, and the small right ones. */
#include "fault.h"
FAULT_LIBRARY

static const char *const KINDS[][2] = {
    {"num", "42"},        {"str", "\"text\""},      {"true", "true"},   {"false", "false"},
    {"null", "null"},     {"text", "text"},         {"empty", ""},      {"nullptr", NULL},
    {"blank", " \n"},     {"badutf8", "{\"a\":\"\xff\xfe\"}"},          {"half", "{\"a\":"},
    {"two", "{} {}"},     {"trailing", "{\"a\":1}x"}, {"nan", "{\"a\":NaN}"}, {"comma", "{\"a\":1,}"},
    {"control", "{\"a\":\"\n\"}"},                  {"object", "{}"},   {"array", "[]"},
    {"arr", "[\"a\",\"b\"]"}, {"sorry", "{\"error\":\"sorry\"}"},       {"padded", " \t\r\n{\"a\":1}\n"},
    {"web", "{\"statusCode\":201,\"headers\":{\"x\":\"y\"},\"body\":\"made\"}"},
};

INVOKE {
    (void)context;
    const char *kind = fault_string(params, "kind");
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (strcmp(kind, KINDS[i][0]) == 0)
            return fault_static(ACTION_OK, KINDS[i][1]);
    return fault_copy(params);
}
