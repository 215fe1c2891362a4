// What a service asks and gives, in the words of its public documents. One place for all of them, so that the manifest,
// the OpenAPI document and a quote never say different things.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "service/config/config.hpp"

namespace millrace::discovery {

// A part of a service, as a pattern of its configuration: "/weather/**" is all below "/weather/". In the order in which
// they are looked at: the first that fits a request decides.
struct Resource {
    enum class Access { free, auth_only, sold };
    std::string path;
    config::Methods methods;
    Access access = Access::sold;
    const config::Route* route = nullptr;  // whose terms hold; null: the service's own
};

[[nodiscard]] std::vector<Resource> resources_of(const config::Service& service);

// {"model":"fixed","price_msat":1000}, or for a route that charges by size or unit
// {"model":"formula","base_msat":1000,"components":[{"constraint":"body_bytes","price_msat_per_unit":2,"unit":1024}]}:
// base_msat + the sum of price_msat_per_unit * ceil(value / unit).
// Where a pricer has the last word: {"model":"dynamic","base_msat":1000,"min_msat":1,"max_msat":5000}, base_msat being
// what the rules alone say.
[[nodiscard]] boost::json::object pricing_of(const config::Service& service, const Resource& resource, unsigned tier);

// The values that the components of a formula may take: {"x-pages":{"type":"integer","min":1,"max":10}}.
[[nodiscard]] boost::json::object constraints_of(const Resource& resource);

// What a payment buys: {"scope":"service","seconds":3600}; without seconds where a token works for ever. Scope is
// "service", "realm" or "route"; where prices differ, a token is good for what costs no more than was paid.
[[nodiscard]] boost::json::object terms_of(const config::Service& service, const config::Route* route, unsigned tier);

// Empty where a request's facts decide, or a pricer.
[[nodiscard]] std::optional<Msat> fixed_price(const config::Service& service, const Resource& resource, unsigned tier);

// The lowest tier that opens the resource; 0 where the service has none.
[[nodiscard]] unsigned tier_for(const config::Service& service, const Resource& resource);

// {"tier":1,"name":"gold","capabilities":["read","write"]}
[[nodiscard]] boost::json::object tier_of(const config::Tier& tier);

[[nodiscard]] std::string description_of(const config::Service& service);

}  // namespace millrace::discovery
