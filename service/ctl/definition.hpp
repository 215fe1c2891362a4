// Definitions of services as operators write them, in TOML or JSON, made JSON for the admin API.
//
//   text := JSON object | TOML table with the keys of a service | TOML with one [[service]] and nothing else
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "common/result/error.hpp"

namespace millrace::ctl {

// Errors: config::Errc::bad_syntax.
[[nodiscard]] Result<std::string> to_definition(std::string_view text);

// Of a file; of standard input where it is "-". Errors: config::Errc.
[[nodiscard]] Result<std::string> read_definition(const std::string& file);

}  // namespace millrace::ctl
