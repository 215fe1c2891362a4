// The reader of one [[service]], and what several of them must be beside each other.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "service/config/config.hpp"
#include "service/config/environment.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

// Files it names are relative to `folder`. Empty where it lacks what every service has; all faults are noted.
[[nodiscard]] std::optional<Service> read_service(const toml::table& table, const std::filesystem::path& folder,
                                                  const Environment& environment, Faults& faults);

// Services are asked in order: each needs a name of its own, and requests that reach it.
void check_overlaps(const std::vector<Service>& services, Faults& faults);

}  // namespace millrace::config
