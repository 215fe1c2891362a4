// Names of header fields as servers see them that make variables of them (CGI, RFC 3875 §4.1.18, and what came after it:
// WSGI, Rack, PHP): letters in any case, and some of these servers take every character but letters and digits for "_".
//
//   same_variable("X-Max-Tokens", "x_max.tokens")          true: both are HTTP_X_MAX_TOKENS somewhere
//   begins_variable("X.L402.Payment.Hash", "x-l402-")      true
#pragma once

#include <algorithm>
#include <string_view>

#include "common/codec/ascii.hpp"

namespace millrace::codec {

[[nodiscard]] constexpr char fold_variable(char c) {
    char lower = to_lower(c);
    bool kept = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    return kept ? lower : '-';
}

[[nodiscard]] constexpr bool same_variable(std::string_view left, std::string_view right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](char a, char b) { return fold_variable(a) == fold_variable(b); });
}

[[nodiscard]] constexpr bool begins_variable(std::string_view name, std::string_view prefix) {
    return same_variable(name.substr(0, prefix.size()), prefix);
}

}  // namespace millrace::codec
