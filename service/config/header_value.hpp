// A header field that the configuration sets.
//
//   value   := "file:" path                       what is in the file, without the line end behind it
//            | (char | "${" NAME "}" | "$${")*    with variables of the environment; "$${" stands for "${"
//
// No message shows a value.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "service/config/config_error.hpp"
#include "service/config/environment.hpp"
#include "service/config/secret_text.hpp"

namespace millrace::config {

// Relative paths are relative to `folder`. Errors: bad_value, with what is missing or wrong.
[[nodiscard]] Result<SecretText> read_header_value(std::string_view text, const std::filesystem::path& folder,
                                                   const Environment& environment);

// Whether the text names a file or a variable: then the secret itself is not in it.
[[nodiscard]] bool holds_reference(std::string_view text);

// What is wrong with setting a field of this name; empty where it may be set. Fields that end at a hop, that say where
// a message ends, or that are for millraced to say may not.
[[nodiscard]] std::optional<std::string> fault_of_header_name(std::string_view name);

}  // namespace millrace::config
