#include "service/pricing/price.hpp"

#include <algorithm>
#include <charconv>

namespace millrace::pricing {
namespace {

std::optional<std::uint64_t> parse_units(std::string_view text, std::uint64_t max) {
    std::uint64_t units = 0;
    auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), units);
    if (errc != std::errc{} || end != text.data() + text.size() || units == 0 || units > max) return std::nullopt;
    return units;
}

}  // namespace

Msat base_price(const config::Service& service, const config::Route* route, unsigned tier) {
    const config::Tier* sold = service.tier(tier);
    if (sold && sold->price) return *sold->price;
    return route && route->price ? *route->price : service.price;
}

std::variant<Msat, PriceFault> price_of(const config::Service& service, const config::Route* route,
                                        const PriceFacts& facts, unsigned tier) {
    // Each factor is bounded by the configuration's reader, so that 128 bits hold every sum.
    __extension__ using Wide = unsigned __int128;
    Wide sum = base_price(service, route, tier).value();
    if (route && route->per_kib) {
        if (!facts.body_size) return PriceFault::length_required;
        std::uint64_t kib = *facts.body_size / 1024 + (*facts.body_size % 1024 == 0 ? 0 : 1);
        sum += Wide(route->per_kib->value()) * kib;
    }
    if (route && route->per_unit) {
        auto units = facts.units ? parse_units(*facts.units, route->max_units) : std::optional<std::uint64_t>(1);
        if (!units) return PriceFault::bad_units;
        sum += Wide(route->per_unit->value()) * *units;
    }
    if (sum > config::max_price_msat) return PriceFault::too_much;
    return Msat(static_cast<std::uint64_t>(sum));
}

bool varies(const config::Service& service, unsigned tier) {
    const Msat base = base_price(service, nullptr, tier);
    return service.pricer || std::any_of(service.routes.begin(), service.routes.end(), [&](const config::Route& route) {
               return base_price(service, &route, tier) != base || route.per_kib || route.per_unit;
           });
}

}  // namespace millrace::pricing
