// [[service.route]]: a part of a service with terms of its own. The first one that fits a request decides.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/money/msat.hpp"
#include "service/config/key.hpp"
#include "service/config/path_pattern.hpp"

namespace millrace::config {

// Request methods, in upper case; empty: all.
struct Methods {
    std::vector<std::string> names;
    bool operator==(const Methods&) const = default;
    [[nodiscard]] bool has(std::string_view method) const;
    [[nodiscard]] bool includes(const Methods& other) const;
};

struct Route;
bool read_short_name(Reading& in, Asked key, std::string& out);
bool read_methods(Reading& in, Asked key, Methods& out);
bool read_route_path(Reading& in, Asked key, Route& out);
bool read_unit_header(Reading& in, Asked key, std::string& out);
bool read_capability(Reading& in, Asked key, std::string& out);

constexpr unsigned max_tier = 255;

struct Route {
    std::string name = {};  // stands in tokens that are for it alone
    PathPattern path = {};
    Methods methods = {};
    std::optional<Msat> price = {};  // empty: the service's
    std::optional<Msat> per_kib = {};
    std::optional<Msat> per_unit = {};
    std::string unit_header = {};  // empty: none
    std::uint64_t max_units = 1;
    bool own_tokens = false;
    std::string capability = {};  // empty: none
    unsigned min_tier = 0;

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("name", &Route::name, by(read_short_name), "As a service's.")
                  .required("what the route is called in tokens and invoices, such as \"images\""));
        visit(key("path", &Route::path, by(read_route_path), "As a service's, and below its path.")
                  .otherwise("all of it"));
        visit(
            key("methods", &Route::methods, by(read_methods), "The methods that this route answers.").otherwise("all"));
        visit(key("price_msat", &Route::price, msat(), "The price of a request.").otherwise("the service's"));
        visit(key("per_kib_msat", &Route::per_kib, msat(),
                  "Added for each 1024 bytes of the request's body that are begun.")
                  .otherwise("none"));
        constexpr std::string_view units =
            "Added for each unit that the request's field of this name asks for; without the field it is one.";
        visit(key("per_unit_msat", &Route::per_unit, msat(), units).otherwise("none"));
        visit(key("unit_header", &Route::unit_header, by(read_unit_header), units).otherwise("none"));
        visit(key("max_units", &Route::max_units, Whole{1, 1'000'000'000}, "The most that may be asked for.")
                  .otherwise("1000000"));
        visit(key("scope", &Route::own_tokens, either("service", "route"),
                  "tokens bought here are good for the whole service."));
        visit(key("capability", &Route::capability, by(read_capability),
                  "What a token must be good for to open this route")
                  .otherwise("none"));
        visit(key("min_tier", &Route::min_tier, Whole{0, max_tier}, "The lowest tier whose tokens open this route."));
    }
    static void check(Reading& in, Route& route);
};

}  // namespace millrace::config
