// The reader of one [[service]], and what several of them must be beside each other.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/config/config.hpp"
#include "service/config/read_keys.hpp"

namespace millrace::config {

// Empty where it lacks what every service has; all faults are noted.
[[nodiscard]] std::optional<Service> read_service(const toml::table& table, const Source& source, Faults& faults);

// What the services of a file, and those that are stored beside them, must be together. They are asked in order: each
// needs a name of its own, and requests that reach it; those of a realm agree on what its tokens hold.
void check_services(const std::vector<Service>& services, Faults& faults);

// For messages: "of line 12", or "stored through the admin API".
[[nodiscard]] std::string place_of(const Service& service);

// A fault of this service, in the file or stored.
void note(Faults& faults, const Service& service, std::string_view key, std::string_view what);

}  // namespace millrace::config
