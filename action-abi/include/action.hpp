// action.hpp: actions in C++17, header only, on top of action.h.
//
// A handler is any function from the JSON text of the parameters to the JSON text of the result:
//
//     std::string reverse(std::string_view params, const action::Context &context);   // the context may be left out
//     ACTION_EXPORT_HANDLER(invoke, reverse)        // the default entry point
//     ACTION_EXPORT_HANDLER(shout, loud)            // another one, chosen with "main":"shout"
//
// The string that a handler returns is moved into the result, not copied. A std::exception that leaves a handler is
// an ordinary error, its what() the text; action::Error carries a JSON value of the author's choice; anything else
// that is thrown is a panic. This header exports action_abi_version itself.
#ifndef ACTION_HPP
#define ACTION_HPP

#include "action.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace action {

// An error value that is JSON, e.g. {"statusCode":404,"body":"no such page"} in a web action.
class Error : public std::exception {
public:
    explicit Error(std::string json) : json_(std::move(json)) {}
    const char *what() const noexcept override { return json_.c_str(); }
    const std::string &json() const noexcept { return json_; }

private:
    std::string json_;
};

// What the runner tells about this run. Views are valid until the handler returns: copy what is to outlive it.
class Context {
public:
    explicit Context(const action_context *raw) noexcept : raw_(raw) {}

    std::string_view activation_id() const noexcept { return text(&action_context::activation_id); }
    std::string_view transaction_id() const noexcept { return text(&action_context::transaction_id); }
    std::string_view ns() const noexcept { return text(&action_context::ns); }
    std::string_view action_name() const noexcept { return text(&action_context::action_name); }
    std::string_view action_version() const noexcept { return text(&action_context::action_version); }
    std::string_view api_key() const noexcept { return text(&action_context::api_key); }
    std::string_view api_host() const noexcept { return text(&action_context::api_host); }
    std::string_view traceparent() const noexcept { return text(&action_context::traceparent); }
    std::string_view tracestate() const noexcept { return text(&action_context::tracestate); }

    std::optional<std::chrono::system_clock::time_point> deadline() const noexcept {
        const int64_t *deadline = field(&action_context::deadline_ms);
        if (deadline == nullptr || *deadline == 0)
            return std::nullopt;
        return std::chrono::system_clock::time_point(std::chrono::milliseconds(*deadline));
    }

private:
    // A runner older than this header fills in fewer fields: `size` says how many.
    template <class Field> const Field *field(Field action_context::*member) const noexcept {
        if (raw_ == nullptr)
            return nullptr;
        const Field *address = &(raw_->*member);
        const auto end = reinterpret_cast<const char *>(address + 1) - reinterpret_cast<const char *>(raw_);
        return raw_->size >= static_cast<std::size_t>(end) ? address : nullptr;
    }
    std::string_view text(action_str action_context::*member) const noexcept {
        const action_str *found = field(member);
        return found == nullptr || found->ptr == nullptr ? std::string_view() : std::string_view(found->ptr, found->len);
    }

    const action_context *raw_;
};

// `text` as a JSON string. Bytes that are not UTF-8 are left as they are.
inline std::string quote(std::string_view text) {
    static constexpr char hex[] = "0123456789abcdef";
    std::string json = "\"";
    json.reserve(text.size() + 2);
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        if (letter == '"' || letter == '\\')
            (json += '\\') += letter;
        else if (byte < 0x20)
            ((json += "\\u00") += hex[byte >> 4]) += hex[byte & 15];
        else
            json += letter;
    }
    return json += '"';
}

namespace detail {

// For texts that outlive the library's use, so that they need no release.
inline action_result fixed(int32_t status, std::string_view text) noexcept {
    return {status, text.data(), text.size(), nullptr, nullptr};
}

inline void release(void *owner) noexcept { delete static_cast<std::string *>(owner); }

// Moves `text` to the heap: only the string's head moves, its bytes stay where they are.
inline action_result moved(int32_t status, std::string &&text) {
    auto *owner = new std::string(std::move(text));
    return {status, owner->data(), owner->size(), release, owner};
}

template <class Body> action_result guarded(const Body &body) noexcept {
    try {
        try {
            return body();
        } catch (const Error &error) {
            return moved(ACTION_ERROR, std::string(error.json()));
        } catch (const std::exception &error) {
            return moved(ACTION_ERROR, quote(error.what()));
        } catch (...) {
            return fixed(ACTION_PANIC, "The action threw something that is not a std::exception.");
        }
    } catch (...) {
        return fixed(ACTION_PANIC, "The action ran out of memory while its error was written.");
    }
}

template <class Handler>
action_result call(const Handler &handler, action_str params, const action_context *context) noexcept {
    return guarded([&] {
        const std::string_view text(params.ptr, params.len);
        if constexpr (std::is_invocable_r_v<std::string, Handler, std::string_view, const Context &>)
            return moved(ACTION_OK, handler(text, Context(context)));
        else
            return moved(ACTION_OK, handler(text));
    });
}

// `init` and `ready` return nothing and fail by throwing.
template <class Step> action_result step(const Step &run) noexcept {
    return guarded([&] {
        run();
        return fixed(ACTION_OK, {});
    });
}

} // namespace detail
} // namespace action

extern "C" __attribute__((visibility("default"), used)) inline uint32_t action_abi_version() {
    return ACTION_ABI_VERSION;
}

// `entry` is the exported name: `invoke` is the default entry point.
#define ACTION_EXPORT_HANDLER(entry, handler)                                                                          \
    ACTION_EXPORT action_result entry(action_str params, const action_context *context) {                              \
        return ::action::detail::call(handler, params, context);                                                       \
    }

// `setup` is a function of (const action::Context &): runs once, before the first run; what it throws fails /init.
#define ACTION_EXPORT_INIT(setup)                                                                                      \
    ACTION_EXPORT action_result action_init(const action_context *context) {                                           \
        return ::action::detail::step([&] { setup(::action::Context(context)); });                                     \
    }

// `check` takes nothing: what it throws means "not ready for traffic".
#define ACTION_EXPORT_READY(check)                                                                                     \
    ACTION_EXPORT action_result action_ready() {                                                                       \
        return ::action::detail::step([] { check(); });                                                                \
    }

#endif
