// The section [admin]: where operators ask, and the tokens by which they are known.
#pragma once

#include <filesystem>

#include "service/config/config.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

constexpr std::size_t min_admin_token = 32;  // characters

// What is wrong with a bearer token (RFC 6750 §2.1); empty where nothing is.
[[nodiscard]] std::string_view fault_of_admin_token(std::string_view token);

// Leaves config.admin empty where `table` is null. Files are relative to `folder`.
void read_admin(const toml::table* table, const std::filesystem::path& folder, Config& config, Faults& faults);

}  // namespace millrace::config
