/* Returns the environment as it was while the library was being loaded: an initialiser read it. */
#include "environment.h"
FAULT_LIBRARY

static char *seen;

__attribute__((constructor)) static void read_environment(void) {
    size_t length;
    seen = environment_json(&length);
}

INVOKE {
    UNUSED;
    return fault_static(ACTION_OK, seen);
}
