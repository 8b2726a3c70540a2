/* Prints without a final newline, and flushes nothing. */
#include "fault.h"
FAULT_LIBRARY

INVOKE {
    UNUSED;
    printf("no newline");
    fprintf(stderr, "no newline");
    return OK_EMPTY;
}
