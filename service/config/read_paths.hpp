// What `paths` and `unmatched` of a service ask of its patterns.
#pragma once

#include "service/config/config.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

void check_paths(Section& section, const Service& service);

}  // namespace millrace::config
