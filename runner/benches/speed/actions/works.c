/* Sleeps for "sleep" microseconds, then computes for "turns" turns, each of which needs the one before. */
#include "fault.h"
FAULT_LIBRARY

INVOKE {
    long sleep = fault_number(params, "sleep", 0);
    volatile unsigned long end;
    unsigned long state = 88172645463325252UL;
    (void)context;
    if (sleep > 0)
        usleep((useconds_t)sleep);
    for (long turns = fault_number(params, "turns", 0); turns > 0; turns--) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    end = state;
    (void)end;
    return OK_EMPTY;
}
