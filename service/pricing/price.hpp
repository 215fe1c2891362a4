// What one request costs by the rules of the configuration: the service's price, or that of the first of its routes
// that fits, and what the route charges for the size of the request. A pure function of the configuration and of the
// request's facts.
//
//   price := base + per_kib_msat * ceil(body / 1024) + per_unit_msat * units
//   base  := the tier's price_msat, or the route's, or the service's: the first that is there
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "common/money/msat.hpp"
#include "service/config/config.hpp"

namespace millrace::pricing {

struct PriceFacts {
    std::optional<std::uint64_t> body_size;  // bytes; empty: not told before the body ends
    std::optional<std::string_view> units;   // the value of the route's unit_header
};

// Why there is no price.
enum class PriceFault {
    length_required = 1,  // priced by size, and the size is not told: 411
    bad_units,            // the unit header is no number from 1 to its maximum: 400
    too_much,             // more than an invoice can ask for: 400
};

// Without what the route charges for size and units; `route` is null where none fits.
[[nodiscard]] Msat base_price(const config::Service& service, const config::Route* route, unsigned tier = 0);

[[nodiscard]] std::variant<Msat, PriceFault> price_of(const config::Service& service, const config::Route* route,
                                                      const PriceFacts& facts, unsigned tier = 0);

// Whether requests of the service may differ in price, so that a token of the tier says up to which price it is good.
[[nodiscard]] bool varies(const config::Service& service, unsigned tier = 0);

}  // namespace millrace::pricing
