// Values of HTTP fields: the blanks around them (OWS, RFC 9110 §5.6.3), and lists of them.
#pragma once

#include <algorithm>
#include <string_view>

namespace millrace::codec {

[[nodiscard]] constexpr bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

[[nodiscard]] constexpr std::string_view trim(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

// Calls `use` with each element of a list (RFC 9110 §5.6.1) of which none is empty or quoted.
template <class Use>
void for_each_element(std::string_view list, Use use) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        const std::string_view element = trim(list.substr(0, comma));
        if (!element.empty()) use(element);
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
}

}  // namespace millrace::codec
