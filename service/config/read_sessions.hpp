// What `session` of a service asks of the rest of it.
#pragma once

#include <optional>

#include "service/config/config.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

// Of a service with these schemes and this price: a deposit that is not said is made up here. Requests of a route that
// costs more than the deposit ask for a larger one.
void check_sessions(Section& service, const Schemes& schemes, Msat price, std::optional<PaymentSessions>& sessions);

}  // namespace millrace::config
