/* Always returns text that is not JSON, whatever it is given. */
#include "fault.h"
FAULT_LIBRARY

INVOKE {
    UNUSED;
    return fault_static(ACTION_OK, "text");
}
