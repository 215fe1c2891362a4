// The tokens by which operators are known.
#pragma once

#include <cstddef>
#include <string_view>

namespace millrace::config {

constexpr std::size_t min_admin_token = 32;  // characters

// What is wrong with a bearer token (RFC 6750 §2.1); empty where nothing is.
[[nodiscard]] std::string_view fault_of_admin_token(std::string_view token);

}  // namespace millrace::config
