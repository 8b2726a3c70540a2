/* A C++ exception leaves the library:
 *   THROW_AT_LOAD, THROW_AT_INIT   while it is loaded (a constructor), in action_init
 *   {"how":"throw"}                in a run;  "terminate": std::terminate;  with "idle":1 on a thread, when the gate opens */
extern "C" {
#include "fault.h"
}
#include <stdexcept>
#include <string>
#include <thread>

extern "C" {
FAULT_LIBRARY
}

static void die(const std::string &how) {
    if (how == "throw")
        throw std::runtime_error("nobody catches this");
    if (how == "terminate")
        std::terminate();
}

static void die_of(const char *variable) {
    if (const char *how = getenv(variable))
        die(how);
}

static struct Load {
    Load() { die_of("THROW_AT_LOAD"); }
} load;

extern "C" ACTION_EXPORT action_result action_init(const action_context *) {
    die_of("THROW_AT_INIT");
    return OK_EMPTY;
}

extern "C" INVOKE {
    (void)context;
    std::string how = fault_string(params, "how");
    long port = fault_number(params, "port", 0);
    if (fault_number(params, "idle", 0))
        std::thread([=] {
            fault_gate(port);
            die(how);
        }).detach();
    else
        die(how);
    return fault_copy(params);
}
