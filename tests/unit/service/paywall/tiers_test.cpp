#include "service/paywall/tiers.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;

namespace {

config::Service shop() {
    config::Service service{ServiceName::parse("shop").value()};
    service.tiers = {config::Tier{.name = "basic", .number = 0, .capabilities = {"read"}},
                     config::Tier{.name = "writer", .number = 1, .capabilities = {"write"}},
                     config::Tier{.name = "all", .number = 3, .capabilities = {"read", "write"}}};
    return service;
}

}  // namespace

TEST_CASE("what is sold for a route is the tier that was wished for, or the lowest that opens it") {
    const config::Service service = shop();
    const config::Route open{.name = "open"};
    const config::Route read{.name = "read", .capability = "read"};
    const config::Route write{.name = "write", .capability = "write"};
    const config::Route write_high{.name = "high", .capability = "write", .min_tier = 2};
    const config::Route nobody{.name = "nobody", .capability = "admin"};
    struct {
        const config::Route* route;
        const char* wish;
        unsigned sold;
    } const cases[] = {
        {nullptr, "", 0},   {nullptr, "all", 3},  {nullptr, "3", 3},     {&open, "writer", 1},
        {&read, "", 0},     {&read, "writer", 0}, {&write, "", 1},       {&write, "basic", 1},
        {&write, "all", 3}, {&write_high, "", 3}, {&write_high, "1", 3}, {&open, "2", 0},
    };
    for (const auto& c : cases) {
        INFO((c.route ? c.route->name : "none") << " wished " << c.wish);
        CHECK(paywall::tier_to_sell(service, c.route, paywall::find_tier(service, c.wish)) == c.sold);
    }
    CHECK_FALSE(paywall::lowest_tier(service, &nobody));
    CHECK_FALSE(paywall::find_tier(service, "2"));
    CHECK_FALSE(paywall::find_tier(service, "services=shop:3"));
    const config::Service plain{ServiceName::parse("plain").value()};
    CHECK(paywall::lowest_tier(plain, &open) == 0U);
}

TEST_CASE("capabilities are those of the configuration, less what the token leaves out") {
    const config::Service service = shop();
    auto held = [&](unsigned tier, std::optional<std::vector<std::string>> said) {
        l402::Grant grant;
        grant.tier = tier;
        grant.limits = {};
        grant.limits.tier(tier);
        if (said) grant.limits.capabilities(*said);
        std::string out;
        for (const std::string& one : paywall::capabilities_of(service, grant)) out += one + ' ';
        return out;
    };
    CHECK(held(3, std::nullopt) == "read write ");
    CHECK(held(3, std::vector<std::string>{"admin", "write"}) == "write ");
    CHECK(held(3, std::vector<std::string>{}).empty());
    CHECK(held(0, std::vector<std::string>{"read", "write"}) == "read ");
    CHECK(held(2, std::vector<std::string>{"read"}).empty());  // a tier that is not sold any more
}
