// The reader of a service's free allowance: free_allowance = { requests = 10, per = "1d" }.
#pragma once

#include <optional>

#include "service/config/config.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

[[nodiscard]] std::optional<FreeAllowance> read_free_allowance(Section& service);

}  // namespace millrace::config
