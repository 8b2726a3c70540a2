/* Prints the parameter "text" as a line. */
#include "fault.h"
FAULT_LIBRARY

INVOKE {
    (void)context;
    puts(fault_string(params, "text"));
    return OK_EMPTY;
}
