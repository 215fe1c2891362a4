// The readers of [clients], [challenges] and a service's limits.
#pragma once

#include "service/config/config.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

void read_clients(const toml::table* table, Clients& clients, Faults& faults);
void read_challenges(const toml::table* table, Challenges& challenges, Faults& faults);
[[nodiscard]] limits::UseRates read_service_limits(Section& service);
// What a proof of work buys of the service.
[[nodiscard]] WorkBuys read_work_buys(Section& service);

}  // namespace millrace::config
