// What a configuration may say and its operator may not mean: told by --check-config, and nothing is refused for it.
#pragma once

#include <string>
#include <vector>

#include "service/config/config.hpp"

namespace millrace::config {

[[nodiscard]] std::vector<std::string> warnings(const Config& config);

}  // namespace millrace::config
