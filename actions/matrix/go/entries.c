#include "entry.h"

ACTION_GO_ENTRY(niam)
ACTION_GO_ENTRY(unicode)
ACTION_GO_ENTRY(variables)
ACTION_GO_ENTRY(initialised)
ACTION_GO_ENTRY(scalar)
ACTION_GO_ENTRY(refuses)
ACTION_GO_ENTRY(breaks)
ACTION_GO_ENTRY(checks)
