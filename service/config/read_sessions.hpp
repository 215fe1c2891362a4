// The reader of `session`: whether and how a service is sold by sessions of the Payment scheme.
#pragma once

#include <cstdint>
#include <optional>

#include "service/config/config.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

// Of a service with these schemes and this price. Requests of a route that costs more than the deposit ask for a larger
// one.
[[nodiscard]] std::optional<PaymentSessions> read_sessions(Section& section, const Schemes& schemes,
                                                           std::optional<std::uint64_t> price_msat);

}  // namespace millrace::config
