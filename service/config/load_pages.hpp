// What people and crawlers see of the service: the sections that configure it.
#pragma once

#include "service/config/config.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

// [pay_page]; null where it is not in the file.
void read_pay_page(const toml::table* table, Config& config, Faults& faults);

// [discovery]; null where it is not in the file.
void read_discovery(const toml::table* table, Config& config, Faults& faults);

// Those keys of a [[service]] that say how it is shown.
struct Appearance {
    bool pay_page = true;
    bool hidden = false;
    bool forward_options = false;
};
[[nodiscard]] Appearance read_appearance(Section& service);

}  // namespace millrace::config
