/* One more entry point of a Go action, in a .c file beside its Go files:
 *     #include "entry.h"
 *     ACTION_GO_ENTRY(shout)
 * The handler is the one that action.RegisterNamed("shout", ...) was given. */
#ifndef ACTION_GO_ENTRY_H
#define ACTION_GO_ENTRY_H

#include "action.h"

extern action_result action_go_call(char *entry_point, action_str params, action_context *context);

#define ACTION_GO_ENTRY(name)                                                                      \
    ACTION_EXPORT action_result name(action_str params, const action_context *context) {           \
        return action_go_call(#name, params, (action_context *)context);                           \
    }

#endif
