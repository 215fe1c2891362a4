#include "service/pricing/price.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using pricing::PriceFault;

namespace {

std::string text(const std::variant<Msat, PriceFault>& price) {
    if (const Msat* sold = std::get_if<Msat>(&price)) return std::to_string(sold->value());
    switch (std::get<PriceFault>(price)) {
        case PriceFault::length_required:
            return "length";
        case PriceFault::bad_units:
            return "units";
        case PriceFault::too_much:
            return "too much";
    }
    return "";
}

}  // namespace

TEST_CASE("a price follows from the service, the route and the size of the request") {
    config::Service service{.name = ServiceName::parse("s").value(), .price = Msat(1000)};
    config::Route fixed{.name = "fixed", .price = Msat(7)};
    config::Route by_size{.name = "size", .per_kib = Msat(10)};
    config::Route by_unit{
        .name = "unit", .price = Msat(100), .per_unit = Msat(3), .unit_header = "X-Units", .max_units = 50};
    config::Route dear{.name = "dear", .price = Msat(config::max_price_msat), .per_kib = Msat(config::max_price_msat)};
    struct {
        const config::Route* route;
        pricing::PriceFacts facts;
        const char* expected;
    } const cases[] = {
        {nullptr, {}, "1000"},
        {&fixed, {}, "7"},
        {&by_size, {0, {}}, "1000"},
        {&by_size, {1, {}}, "1010"},
        {&by_size, {1024, {}}, "1010"},
        {&by_size, {1025, {}}, "1020"},
        {&by_size, {std::nullopt, {}}, "length"},
        {&by_unit, {0, {}}, "103"},
        {&by_unit, {0, "1"}, "103"},
        {&by_unit, {0, "50"}, "250"},
        {&by_unit, {0, "51"}, "units"},
        {&by_unit, {0, "0"}, "units"},
        {&by_unit, {0, "-1"}, "units"},
        {&by_unit, {0, "1 "}, "units"},
        {&by_unit, {0, ""}, "units"},
        {&by_unit, {0, "99999999999999999999"}, "units"},
        {&dear, {0, {}}, "1099511627775"},
        {&dear, {1, {}}, "too much"},
        {&dear, {UINT64_MAX, {}}, "too much"},
    };
    for (const auto& c : cases) {
        INFO(c.expected);
        CHECK(text(pricing::price_of(service, c.route, c.facts)) == c.expected);
    }
    CHECK_FALSE(pricing::varies(service));
    service.routes = {by_size};
    CHECK(pricing::varies(service));
    service.routes = {config::Route{.name = "same", .price = Msat(1000)}};
    CHECK_FALSE(pricing::varies(service));
}
