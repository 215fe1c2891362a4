// Date and time of RFC 3339, as challenges and receipts write them: "2026-03-15T12:05:00Z".
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "common/payment/payment_error.hpp"

namespace millrace::payment {

[[nodiscard]] std::string write_timestamp(std::chrono::sys_seconds time);

// Any offset from UTC; a fraction of a second is dropped. Errors: malformed_time.
[[nodiscard]] Result<std::chrono::sys_seconds> parse_timestamp(std::string_view text);

}  // namespace millrace::payment
