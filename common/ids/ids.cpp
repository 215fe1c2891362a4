#include "common/ids/ids.hpp"

#include <charconv>

namespace millrace {
namespace {

// Reads a whole decimal number up to `max` off the front of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text, std::uint64_t max) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || value > max) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

bool take(std::string_view& text, char expected) {
    if (!text.starts_with(expected)) return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

Result<ShortChannelId> ShortChannelId::parse(std::string_view text) {
    std::string_view rest = text;
    const auto block = take_number(rest, 0xffffff);
    const bool first = block && take(rest, 'x');
    const auto transaction = first ? take_number(rest, 0xffffff) : std::nullopt;
    const bool second = transaction && take(rest, 'x');
    const auto output = second ? take_number(rest, 0xffff) : std::nullopt;
    if (!output || !rest.empty()) {
        return fail(codec::Errc::wrong_length, "a short channel id is block x transaction x output, such as 103x1x0");
    }
    return ShortChannelId(static_cast<std::uint32_t>(*block), static_cast<std::uint32_t>(*transaction),
                          static_cast<std::uint16_t>(*output));
}

std::string ShortChannelId::text() const {
    return std::to_string(value_ >> 40U) + 'x' + std::to_string(value_ >> 16U & 0xffffffU) + 'x' +
           std::to_string(value_ & 0xffffU);
}

Result<ServiceName> ServiceName::parse(std::string_view text) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    };
    if (text.empty() || text.size() > max_length || !std::all_of(text.begin(), text.end(), allowed)) {
        return fail(codec::Errc::wrong_length, "a service name is 1 to 21 of a-z 0-9 . _ -");
    }
    return ServiceName(std::string(text));
}

}  // namespace millrace
