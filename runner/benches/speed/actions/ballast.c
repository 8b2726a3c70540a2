/* Returns what it was given, and carries KILOBYTES that it does not use, as a large library does: an eighth of them are
 * pointers and the entries by which the loader relocates them (8 and 24 bytes each), the rest are constants. */
#include "fault.h"
FAULT_LIBRARY

#if KILOBYTES > 0
#define POINTERS (KILOBYTES * 1000 / 8 / 32)
__attribute__((used)) static const unsigned char constants[KILOBYTES * 1000 / 8 * 7] = {1};
__attribute__((used)) static const void *pointers[POINTERS] = {[0 ... POINTERS - 1] = constants};
#endif

INVOKE {
    (void)context;
    return fault_copy(params);
}
