/* Prints a line on each stream and returns what it was given. */
#include "fault.h"
FAULT_LIBRARY

INVOKE {
    (void)context;
    puts("hello stdout");
    fputs("hello stderr\n", stderr);
    return fault_copy(params);
}
