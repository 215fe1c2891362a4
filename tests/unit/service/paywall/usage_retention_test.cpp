#include "service/paywall/usage_retention.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;

TEST_CASE("M4: usages matter as long as a token of their seller may be good, of whatever tier") {
    auto service = [](const char* name, std::optional<std::chrono::seconds> timeout, const char* realm = nullptr) {
        config::Service out{ServiceName::parse(name).value()};
        out.timeout = timeout;
        if (realm) out.realm = ServiceName::parse(realm).value();
        return out;
    };
    auto tiers = [](config::Service out, std::vector<std::optional<std::chrono::seconds>> times) {
        for (unsigned number = 0; number < times.size(); ++number)
            out.tiers.push_back({.number = number, .timeout = times[number]});
        return out;
    };
    const paywall::SoldTimes longest = paywall::longest_times(
        {service("hour", 1h), service("endless", std::nullopt), service("north", 24h, "poles"),
         service("south", 48h, "poles"), service("sun", 1h, "sky"), service("moon", std::nullopt, "sky"),
         tiers(service("tiers", 1h), {2h, 24h * 365}), tiers(service("gold", 1h), {2h, std::nullopt}),
         tiers(service("own", std::nullopt), {2h}), tiers(service("less", 9h), {2h})});
    CHECK(longest == paywall::SoldTimes{{"hour", 1h},
                                        {"endless", std::nullopt},
                                        {"poles", 48h},
                                        {"sky", std::nullopt},
                                        {"tiers", 24h * 365},
                                        {"gold", std::nullopt},
                                        {"own", std::nullopt},
                                        {"less", 9h}});
    const std::chrono::sys_seconds noon{1'800'000'000s};
    CHECK(paywall::needless_before(1h, noon) == noon - 2h - 720h);
    CHECK(paywall::needless_before(48h, noon) == noon - 96h - 720h);
}
