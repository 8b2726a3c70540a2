// {"payload":"text"} → {"reversed":"txet"}, by Unicode scalar.
#include "action.hpp"
#include "json.hpp"

#include <stdexcept>

static std::string reverse(std::string_view params) {
    const auto payload = json::Reader(params).string_member("payload");
    if (!payload)
        throw std::invalid_argument("Invalid parameters: missing field `payload`");

    std::string reversed;
    reversed.reserve(payload->size());
    for (std::size_t end = payload->size(); end > 0;) {
        std::size_t start = end - 1;
        while (start > 0 && (static_cast<unsigned char>((*payload)[start]) & 0xC0) == 0x80)
            start--;
        reversed.append(*payload, start, end - start);
        end = start;
    }
    return "{\"reversed\":" + action::quote(reversed) + '}';
}

ACTION_EXPORT_HANDLER(invoke, reverse)
