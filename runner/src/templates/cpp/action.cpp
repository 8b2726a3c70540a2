// Answers {"received": <the parameters>}. A JSON library of your choice goes where the text is put together.
#include "action.hpp"

#include <stdexcept>

static std::string receive(std::string_view params) {
    if (params == "[]")
        throw std::invalid_argument("An empty array says nothing."); // becomes {"error": …}
    return "{\"received\":" + std::string(params) + "}";
}

ACTION_EXPORT_HANDLER(invoke, receive)
