// A time as header fields have it (RFC 9110 §5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT".
#pragma once

#include <chrono>
#include <string>

namespace millrace::http {

[[nodiscard]] std::string http_date(std::chrono::system_clock::time_point time);

}  // namespace millrace::http
