#include "service/paywall/usage_retention.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;

TEST_CASE("usages are kept for long behind the time that was bought, and for ever where there is no such time") {
    const std::chrono::sys_seconds noon{1'800'000'000s};
    auto service = [](const char* name, std::optional<std::chrono::seconds> timeout, const char* realm = nullptr) {
        config::Service out{ServiceName::parse(name).value()};
        out.timeout = timeout;
        if (realm) out.realm = ServiceName::parse(realm).value();
        return out;
    };
    const auto ends = paywall::usage_ends(
        {service("hour", 1h), service("endless", std::nullopt), service("north", 24h, "poles"),
         service("south", 48h, "poles"), service("sun", 1h, "sky"), service("moon", std::nullopt, "sky")},
        noon);
    REQUIRE(ends.size() == 2);
    CHECK(ends.at("hour") == noon - 2h - 720h);
    CHECK(ends.at("poles") == noon - 96h - 720h);
}
