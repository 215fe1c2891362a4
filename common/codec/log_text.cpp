#include "common/codec/log_text.hpp"

#include <algorithm>
#include <cstdint>

namespace millrace::codec {
namespace {

struct CodePoint {
    std::uint32_t value = 0;
    std::size_t length = 0;  // of its bytes; 0: they are no UTF-8
};

// RFC 3629 §4: neither overlong forms, nor surrogates, nor more than U+10FFFF.
CodePoint first_of(std::string_view text) {
    auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
    const std::uint8_t lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {};
    std::uint32_t value = lead & (0xffU >> (length + 1));
    for (std::size_t at = 1; at < length; ++at) {
        if ((byte(at) & 0xc0U) != 0x80U) return {};
        value = value << 6U | (byte(at) & 0x3fU);
    }
    constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = value >= 0xd800 && value <= 0xdfff;
    if (value < least[length] || surrogate || value > 0x10ffff) return {};
    return {value, length};
}

bool deceives(std::uint32_t value) {
    if (value < 0x20 || (value >= 0x7f && value <= 0x9f)) return true;
    if (value == 0x061c || value == 0x200e || value == 0x200f || value == 0x2028 || value == 0x2029) return true;
    return (value >= 0x202a && value <= 0x202e) || (value >= 0x2066 && value <= 0x2069);
}

void append_hex(std::uint32_t value, unsigned digits, std::string& out) {
    constexpr std::string_view hex = "0123456789abcdef";
    for (unsigned shift = digits * 4; shift > 0; shift -= 4) out += hex[value >> (shift - 4) & 15U];
}

}  // namespace

std::string log_text(std::string_view outside) {
    std::string out;
    out.reserve(outside.size());
    while (!outside.empty()) {
        const CodePoint point = first_of(outside);
        const std::size_t length = std::max<std::size_t>(1, point.length);
        if (point.length == 0) {
            out += "\\x";
            append_hex(static_cast<std::uint8_t>(outside.front()), 2, out);
        } else if (deceives(point.value)) {
            out += "\\u";
            append_hex(point.value, 4, out);
        } else if (point.value == '\\') {
            out += "\\\\";
        } else {
            out += outside.substr(0, length);
        }
        outside.remove_prefix(length);
    }
    return out;
}

}  // namespace millrace::codec
