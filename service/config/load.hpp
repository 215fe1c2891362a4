// Reads a millraced.toml.
//
//   Result<Config> config = config::load("millraced.toml");
//   if (!config) log(config.error().message);
//
// The message has one line a fault: "millraced.toml:12: service.price_msat: must be ..., not ...".
#pragma once

#include <filesystem>
#include <string_view>

#include "service/config/config.hpp"
#include "service/config/environment.hpp"

namespace millrace::config {

// `environment` is what "${NAME}" stands for, where that may be written. Errors: unreadable, bad_syntax, bad_value.
[[nodiscard]] Result<Config> load(const std::filesystem::path& file, const Environment& environment = {});

// `file` names the source in messages. Errors: bad_syntax, bad_value.
[[nodiscard]] Result<Config> parse(std::string_view text, std::string_view file, const Environment& environment = {});

}  // namespace millrace::config
