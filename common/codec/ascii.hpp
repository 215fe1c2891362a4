// ASCII letters without regard to case, as names in HTTP are compared (RFC 9110 §5.1); bytes beyond ASCII are
// themselves.
//
// Boost.Beast's iequals (1.81 to 1.83) reads one byte behind its arguments where they differ in case.
#pragma once

#include <algorithm>
#include <string_view>

namespace millrace::codec {

[[nodiscard]] constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

[[nodiscard]] constexpr bool iequals(std::string_view left, std::string_view right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](char a, char b) { return to_lower(a) == to_lower(b); });
}

}  // namespace millrace::codec
