// Just enough JSON for this action: one string member out of an object, one string back into text.
// The runner has checked the syntax of the parameters, so that values of no interest are only skipped.
#ifndef REVERSE_JSON_HPP
#define REVERSE_JSON_HPP

#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace json {

inline void append_utf8(std::string &text, uint32_t scalar) {
    const auto tail = [&](int shift) { text += static_cast<char>(0x80 | ((scalar >> shift) & 0x3F)); };
    if (scalar < 0x80) {
        text += static_cast<char>(scalar);
    } else if (scalar < 0x800) {
        text += static_cast<char>(0xC0 | (scalar >> 6));
        tail(0);
    } else if (scalar < 0x10000) {
        text += static_cast<char>(0xE0 | (scalar >> 12));
        tail(6), tail(0);
    } else {
        text += static_cast<char>(0xF0 | (scalar >> 18));
        tail(12), tail(6), tail(0);
    }
}

class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    // The member `name` of the object, if it is there and a string. The last one wins.
    std::optional<std::string> string_member(std::string_view name) {
        std::optional<std::string> found;
        if (next() != '{')
            return found;
        while (peek() == '"') {
            const bool wanted = string() == name;
            next(); // the colon
            if (wanted && peek() == '"')
                found = string();
            else
                skip_value();
            if (next() != ',')
                break;
        }
        return found;
    }

private:
    static bool is_space(char letter) { return letter == ' ' || letter == '\t' || letter == '\r' || letter == '\n'; }

    char peek() {
        while (at_ < text_.size() && is_space(text_[at_]))
            at_++;
        return at_ < text_.size() ? text_[at_] : '\0';
    }
    char next() {
        const char found = peek();
        at_++;
        return found;
    }
    char take() {
        if (at_ >= text_.size())
            throw std::invalid_argument("Invalid parameters: they end inside a string");
        return text_[at_++];
    }

    std::string string() {
        std::string text;
        next(); // the opening quote
        for (char letter = take(); letter != '"'; letter = take()) {
            if (letter == '\\')
                escape(text);
            else
                text += letter;
        }
        return text;
    }

    void escape(std::string &text) {
        static constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
        const char letter = take();
        if (letter == 'u')
            return append_utf8(text, unicode_escape());
        const auto index = from.find(letter);
        if (index == std::string_view::npos)
            throw std::invalid_argument("Invalid parameters: unknown escape in a string");
        text += to[index];
    }

    uint32_t unicode_escape() {
        const uint32_t unit = hex4();
        if (unit < 0xD800 || unit > 0xDFFF)
            return unit;
        if (unit < 0xDC00 && take() == '\\' && take() == 'u') {
            const uint32_t low = hex4();
            if (low >= 0xDC00 && low <= 0xDFFF)
                return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        }
        throw std::invalid_argument("Invalid parameters: lone surrogate in a string");
    }

    uint32_t hex4() {
        static constexpr std::string_view digits = "0123456789abcdef0123456789ABCDEF";
        uint32_t value = 0;
        for (int i = 0; i < 4; i++) {
            const auto digit = digits.find(take());
            if (digit == std::string_view::npos)
                throw std::invalid_argument("Invalid parameters: bad \\u escape in a string");
            value = value * 16 + (digit & 15);
        }
        return value;
    }

    // Counts brackets instead of recursing: depth costs no stack.
    void skip_value() {
        std::size_t depth = 0;
        do {
            switch (peek()) {
            case '"': skip_string(); break;
            case '{': case '[': depth++, at_++; break;
            case '}': case ']': depth--, at_++; break;
            case '\0': return;
            case ',': case ':': at_++; break;
            default: at_ = std::min(text_.find_first_of(",:]} \t\r\n", at_), text_.size()); break;
            }
        } while (depth > 0 && at_ < text_.size());
    }

    void skip_string() {
        at_++;
        for (char letter = take(); letter != '"'; letter = take())
            if (letter == '\\')
                take();
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

} // namespace json

#endif
