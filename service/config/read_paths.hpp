// `paths` and `unmatched` of a service: how its upstream reads paths, and whether it is closed to what no route names.
#pragma once

#include "service/config/config.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

[[nodiscard]] PathRules read_path_rules(Section& service);

// True: what no route, `free` or `auth_only` names is not served.
[[nodiscard]] bool read_unmatched(Section& service);

// What the rules ask of the service's patterns.
void check_paths(Section& section, const Service& service);

[[nodiscard]] std::string_view name(PathRules::Parameters parameters);

}  // namespace millrace::config
