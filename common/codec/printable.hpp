// Control characters in text that people and terminals read: C0 (line ends and tabs included), DEL, and C1 as UTF-8 writes
// them (0xC2 0x80 to 0xC2 0x9F).
#pragma once

#include <cstddef>
#include <string_view>

namespace millrace::codec {

// The bytes of the control character at the beginning of `text`; 0 where there is none.
[[nodiscard]] inline std::size_t control_length(std::string_view text) {
    if (text.empty()) return 0;
    const auto first = static_cast<unsigned char>(text[0]);
    if (first < 0x20 || first == 0x7f) return 1;
    const bool c1 = first == 0xc2 && text.size() > 1 && static_cast<unsigned char>(text[1]) >= 0x80 &&
                    static_cast<unsigned char>(text[1]) < 0xa0;
    return c1 ? 2 : 0;
}

[[nodiscard]] inline bool has_control_character(std::string_view text) {
    for (; !text.empty(); text.remove_prefix(1)) {
        if (control_length(text) > 0) return true;
    }
    return false;
}

}  // namespace millrace::codec
