/* Returns the environment as a run sees it. */
#include "environment.h"
FAULT_LIBRARY

INVOKE {
    UNUSED;
    size_t length;
    char *text = environment_json(&length);
    return fault_owned(text, length);
}
