#include "service/config/load.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/service/config/one_service.hpp"

using namespace millrace;
using namespace std::chrono_literals;

namespace {

const std::string gold =
    "[[service.tier]]\nname = \"gold\"\ntier = 1\nprice_msat = 5000\ncapabilities = [\"write\", \"read\"]\n";
const std::string basic = "[[service.tier]]\nname = \"basic\"\ntier = 0\n";

Result<config::Config> parsed(const std::string& lines) {
    return parse_one_service("timeout = \"1h\"\n" + lines);
}

}  // namespace

TEST_CASE("a tier has what it does not say from its service") {
    auto config = parsed("uses = 9\n" + gold + "uses = 3\ntimeout = \"1d\"\n" + basic);
    REQUIRE(config);
    const config::Service& service = config->services[0];
    REQUIRE(service.tiers.size() == 2);
    CHECK(service.tiers[0].name == "basic");  // the lowest first
    CHECK(service.tiers[0].timeout == 1h);
    CHECK(service.tiers[0].quota.uses == 9U);
    CHECK_FALSE(service.tiers[0].price);
    CHECK(service.tiers[1] == config::Tier{"gold", 1, Msat(5000), 24h, {.uses = 3}, {"read", "write"}});
    CHECK(service.quota_of(1).uses == 3U);
    CHECK(service.quota_of(7).uses == 9U);
    CHECK(service.timeout_of(1) == 24h);
    CHECK(parsed("[[service.route]]\nname = \"r\"\ncapability = \"write\"\nmin_tier = 1\n" + gold));
}

TEST_CASE("tiers that sell nothing, or the same twice, are refused with what would be right") {
    const std::string other =
        "[[service]]\nname = \"tides\"\npath = \"/tides/\"\nupstream = \"http://127.0.0.1:9000\"\nprice_msat = 1000\n";
    struct {
        std::string lines;
        const char* fault;
    } const cases[] = {
        {"[[service.tier]]\nname = \"gold\"\n", "service.tier.tier: missing"},
        {"[[service.tier]]\ntier = 1\n", "service.tier.name: missing"},
        {"[[service.tier]]\nname = \"Gold\"\ntier = 1\n", "service.tier.name: must be 1 to 21"},
        {"[[service.tier]]\nname = \"gold\"\ntier = 256\n", "service.tier.tier"},
        {gold + gold, "service.tier.name: \"gold\" is already a tier of this service"},
        {gold + "[[service.tier]]\nname = \"other\"\ntier = 1\n",
         "service.tier.tier: 1 is already the number of tier \"gold\""},
        {basic + "capabilities = [\"read,write\"]\n", "service.tier.capabilities: \"read,write\" must be"},
        {basic + "capabilities = [\"a\", \"a\"]\n", "service.tier.capabilities: names \"a\" twice"},
        {basic + "cost_header = \"X-Cost\"\n", "service.tier.cost_header"},
        {basic + "colour = 1\n", "service.tier.colour"},
        {basic + "credit_msat = 500\n", "credit_msat: of tier \"basic\" must be at least its price_msat"},
        {"[[service.route]]\nname = \"r\"\ncapability = \"write\"\n" + basic,
         "route \"r\" is opened by nothing that is sold: it needs a [[service.tier]] with the capability \"write\""},
        {"[[service.route]]\nname = \"r\"\nmin_tier = 2\n" + gold, "it needs a [[service.tier]] of number 2 or higher"},
        {"[[service.route]]\nname = \"r\"\ncapability = \"a b\"\n", "service.route.capability: must be 1 to 32"},
        {"realm = \"sky\"\n" + gold + other + "realm = \"sky\"\n",
         "the [[service.tier]] must be as in service \"weather\""},
    };
    for (const auto& c : cases) {
        INFO(c.lines);
        auto config = parsed(c.lines);
        REQUIRE_FALSE(config);
        INFO(config.error().message);
        CHECK(config.error().message.find(c.fault) != std::string::npos);
    }
}
