// What group A of the conformance cases asks for, one entry point each, on action.hpp.
#include "action.hpp"

#include <cstdlib>
#include <iostream>
#include <stdexcept>

namespace {

// Found in the environment before the first run.
std::string seen;

std::string variable(const char *name) {
    const char *value = std::getenv(name);
    if (value == nullptr)
        throw std::runtime_error(std::string(name) + " is not set");
    return action::quote(name) + ":" + action::quote(value);
}

void remember(const action::Context &) {
    if (std::getenv("SOME_VAR") != nullptr)
        seen = "{" + variable("SOME_VAR") + "," + variable("ANOTHER_VAR") + "}";
}

std::string echo_params(std::string_view params) {
    std::cout << "hello stdout" << std::endl;
    std::cerr << "hello stderr" << std::endl;
    return std::string(params);
}

std::string same(std::string_view params) { return std::string(params); }

std::string winter(std::string_view params) {
    const auto start = params.find(":\"") + 2;
    const std::string delimiter(params.substr(start, params.rfind('"') - start));
    std::cout << delimiter << " ☃ " << delimiter << std::endl;
    return "{\"winter\":" + action::quote(delimiter + " ☃ " + delimiter) + "}";
}

std::string all_variables(std::string_view) {
    return "{" + variable("__OW_API_KEY") + "," + variable("__OW_NAMESPACE") + "," + variable("__OW_ACTION_NAME") +
           "," + variable("__OW_ACTION_VERSION") + "," + variable("__OW_ACTIVATION_ID") + "," +
           variable("__OW_DEADLINE") + "," + variable("__OW_API_HOST") + "}";
}

std::string remembered(std::string_view) { return seen; }

std::string text(std::string_view) { return "\"text\""; }

std::string refuse(std::string_view, const action::Context &context) {
    throw std::runtime_error("refused " + std::string(context.activation_id()));
}

std::string refuse_with_value(std::string_view) { throw action::Error("{\"statusCode\":404}"); }

std::string throw_a_number(std::string_view) { throw 42; }

} // namespace

ACTION_EXPORT_INIT(remember)
ACTION_EXPORT_HANDLER(invoke, echo_params)
ACTION_EXPORT_HANDLER(niam, same)
ACTION_EXPORT_HANDLER(unicode, winter)
ACTION_EXPORT_HANDLER(variables, all_variables)
ACTION_EXPORT_HANDLER(initialised, remembered)
ACTION_EXPORT_HANDLER(scalar, text)
ACTION_EXPORT_HANDLER(refuses, refuse)
ACTION_EXPORT_HANDLER(refuses_with_value, refuse_with_value)
ACTION_EXPORT_HANDLER(breaks, throw_a_number)
