// Durations and sizes as an operator writes them.
//
//   duration := digits ("ms" | "s" | "m" | "h" | "d" | "w")       "90s", "30m", "1h", "7d"
//   rate     := digits "/" [digits] unit                          "5/s", "20/10s", "600/h"
//   size     := digits ["B" | "KiB" | "MiB" | "GiB"]              "64KiB", "1048576"
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "service/config/config_error.hpp"
#include "service/limits/rate.hpp"

namespace millrace::config {

// Errors: bad_value. At most 100 years.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// Errors: bad_value. At least 1 and at most a million in the time, which is at most a week.
[[nodiscard]] Result<limits::Rate> parse_rate(std::string_view text);

// Errors: bad_value.
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);

}  // namespace millrace::config
