// What an operator should know of a configuration that is good: `--check-config` prints it, and the service logs it
// when it takes the configuration.
#pragma once

#include <string>
#include <vector>

#include "service/config/config.hpp"

namespace millrace::config {

// Each says which service it is about, what can happen and what to do; without a line break.
[[nodiscard]] std::vector<std::string> warnings(const Config& config);

}  // namespace millrace::config
