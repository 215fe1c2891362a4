// What a path must be to be compared with requests, which are normalised first.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace::config {

// What is wrong with a path; empty where it is one as requests have it after normalisation.
[[nodiscard]] std::optional<std::string> fault_of_path(std::string_view path);

// True where `path` is `prefix` or lies below it: "/api" covers "/api" and "/api/x", not "/apis"; "/api/" what lies
// below.
[[nodiscard]] bool covers(std::string_view prefix, std::string_view path);

}  // namespace millrace::config
