/* Waits at the gate of the test ("port"), printing before and after, and returns its parameters. */
#include "fault.h"
FAULT_LIBRARY

INVOKE {
    (void)context;
    long id = fault_number(params, "id", 0);
    printf("begin %ld\n", id);
    fflush(stdout);
    close(fault_gate(fault_number(params, "port", 0)));
    printf("end %ld\n", id);
    fflush(stdout);
    return fault_copy(params);
}
