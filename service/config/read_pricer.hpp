// What `pricer` of a service asks of the rest of it.
#pragma once

#include "service/config/config.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

// Whether the pricer's bounds fit what tokens of the service hold.
void check_pricer(const Service& service, Faults& faults);

}  // namespace millrace::config
