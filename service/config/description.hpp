// What an invoice says it buys: a service's template with its placeholders filled in.
//
//   "{service}: {method} {path}"  ->  "weather: GET /weather/berlin"
//   placeholders: {service} {route} {method} {path} {price}      {route} is empty where no route fits; {price} in msat
//
// What a request says (method and path) is cut and cleaned: printable, valid UTF-8, at most 639 bytes in all.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/money/msat.hpp"

namespace millrace::config {

constexpr std::size_t max_description = 639;  // bytes: what a BOLT 11 field takes

struct DescriptionFacts {
    std::string_view service;
    std::string_view route;
    std::string_view method;
    std::string_view path;
    Msat price;
};

// The first placeholder that is none ("{colour}"); empty where all are known. A brace without its partner stands for
// itself.
[[nodiscard]] std::optional<std::string> unknown_placeholder(std::string_view text);

[[nodiscard]] std::string describe(std::string_view text, const DescriptionFacts& facts);

}  // namespace millrace::config
