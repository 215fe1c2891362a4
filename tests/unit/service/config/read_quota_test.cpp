#include <string>

#include "service/config/load.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/service/config/one_service.hpp"

using namespace millrace;

namespace {

Result<config::Config> parsed(const std::string& lines) {
    return parse_one_service(lines);
}

}  // namespace

TEST_CASE("what a token buys beside time") {
    struct {
        std::string lines;
        config::Quota quota;
    } const cases[] = {
        {"", {}},
        {"uses = 7\n", {.uses = 7}},
        {"single_use = true\n", {.uses = 1}},
        {"single_use = false\n", {}},
        {"single_use = true\nuses = 1\n", {.uses = 1}},
        {"bytes = \"10MiB\"\n", {.bytes = 10 * 1024 * 1024}},
        {"timeout = \"1h\"\nuses = 7\nbytes = 100\n", {.uses = 7, .bytes = 100}},
        {"credit_msat = 1000\ntimeout = \"1h\"\n", {.credit = Msat(1000)}},
    };
    for (const auto& c : cases) {
        INFO(c.lines);
        auto config = parsed(c.lines);
        REQUIRE(config);
        CHECK(config->services[0].quota == c.quota);
    }
    auto metered = parsed("credit_msat = 50000\ncost_header = \"X-Cost-Msat\"\n");
    REQUIRE(metered);
    CHECK(metered->services[0].cost_header == "X-Cost-Msat");
    CHECK(metered->services[0].amount_due(Msat(1000)) == Msat(50000));
    CHECK_FALSE(metered->services[0].max_cost);
    CHECK_FALSE(metered->services[0].held_for(Msat(1000), metered->services[0].quota));
    auto bounded = parsed("credit_msat = 50000\ncost_header = \"X-Cost-Msat\"\nmax_cost_msat = 20000\n");
    REQUIRE(bounded);
    const config::Service& service = bounded->services[0];
    CHECK(service.held_for(Msat(1000), service.quota) == 19000);
    CHECK(service.held_for(Msat(30000), service.quota) == 0);
    CHECK_FALSE(service.held_for(Msat(1000), config::Quota{}));
}

TEST_CASE("quotas that make no sense are refused with what would be right") {
    const std::string realm = "realm = \"sky\"\n";
    const std::string other =
        "[[service]]\nname = \"tides\"\npath = \"/tides/\"\nupstream = \"http://127.0.0.1:9000\"\nprice_msat = 1000\n";
    struct {
        std::string lines;
        const char* fault;
    } const cases[] = {
        {"uses = 0\n", "m.toml:12: service.uses: must be a whole number from 1 to"},
        {"uses = \"many\"\n", "m.toml:12: service.uses: must be a whole number from 1 to"},
        {"bytes = \"10MB\"\n", "m.toml:12: service.bytes: must be a size such as \"64KiB\" or \"10MiB\""},
        {"bytes = 0\n", "m.toml:12: service.bytes: "},
        {"single_use = 1\n", "m.toml:12: service.single_use: must be true or false"},
        {"single_use = true\nuses = 2\n",
         "m.toml:12: service.single_use: is the same as uses = 1: leave it out, or uses = 2"},
        {"credit_msat = 999\n",
         "m.toml:12: service.credit_msat: must be at least price_msat, 1000: else it pays for no request at all"},
        {"credit_msat = 5000\nuses = 2\n", "m.toml:12: service.credit_msat: cannot be combined with uses: a balance"},
        {"credit_msat = 5000\nsingle_use = true\n", "m.toml:12: service.credit_msat: cannot be combined with uses"},
        {"credit_msat = 5000\nbytes = 2\n", "m.toml:12: service.credit_msat: cannot be combined with bytes"},
        {"credit_msat = 5000\n[[service.route]]\nname = \"dear\"\npath = \"/weather/a/\"\nprice_msat = 5001\n",
         "m.toml:12: service.credit_msat: must be at least the price of route \"dear\", 5001"},
        {"cost_header = \"X-Cost-Msat\"\n", "m.toml:12: service.cost_header: needs credit_msat: the balance"},
        {"credit_msat = 5000\ncost_header = \"X Cost\"\n",
         "m.toml:13: service.cost_header: \"X Cost\" is no name of a header field; choose a name such as"},
        {"credit_msat = 5000\ncost_header = \"Content-Length\"\n",
         "m.toml:13: service.cost_header: \"Content-Length\" belongs to the connection"},
        {"credit_msat = 5000\nmax_cost_msat = 2000\n",
         "m.toml:13: service.max_cost_msat: needs cost_header: the field in which the upstream says the cost"},
        {"credit_msat = 5000\ncost_header = \"X-Cost\"\nmax_cost_msat = 999\n",
         "m.toml:14: service.max_cost_msat: must be at least price_msat, 1000"},
        {"credit_msat = 5000\ncost_header = \"X-Cost\"\nmax_cost_msat = 5001\n",
         "m.toml:7: service.max_cost_msat: must be at most credit_msat, 5000: else that pays for no request"},
        {"credit_msat = 5000\ncost_header = \"X-Cost\"\nmax_cost_msat = 4000\n[[service.tier]]\nname = \"s\"\ntier = "
         "1\ncredit_msat = 3000\n",
         "m.toml:7: service.max_cost_msat: must be at most credit_msat of tier \"s\", 3000"},
        {realm + "uses = 2\n" + other + realm + "uses = 3\n",
         "m.toml:14: service.realm: its token has one account for all services of the realm: uses, bytes and "
         "credit_msat must be as in service \"weather\" of line 7"},
        {realm + "uses = 2\n" + other + realm, "m.toml:14: service.realm: its token has one account"},
    };
    for (const auto& c : cases) {
        INFO(c.lines);
        auto config = parsed(c.lines);
        REQUIRE_FALSE(config);
        INFO(config.error().message);
        CHECK(config.error().message.find(c.fault) != std::string::npos);
    }
    CHECK(parsed(realm + "uses = 2\n" + other + realm + "uses = 2\n"));
}
