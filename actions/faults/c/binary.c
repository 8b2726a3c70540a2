/* Prints every byte value on both streams. */
#include "fault.h"
FAULT_LIBRARY

INVOKE {
    UNUSED;
    for (int byte = 0; byte < 256; byte++) {
        putchar(byte);
        fputc(byte, stderr);
    }
    return OK_EMPTY;
}
