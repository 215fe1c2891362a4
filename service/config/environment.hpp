// The variables of the process's environment; main alone reads the real one.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace millrace::config {

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

}  // namespace millrace::config
