// What people and crawlers see of the service: the sections that configure it.
#pragma once

#include "service/config/config.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

// [pay_page]; null where it is not in the file.
void read_pay_page(const toml::table* table, Config& config, Faults& faults);

}  // namespace millrace::config
