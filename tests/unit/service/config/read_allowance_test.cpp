#include <string>

#include "service/config/load.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/service/config/one_service.hpp"

using namespace millrace;
using namespace std::chrono_literals;

namespace {

Result<config::Config> parsed(const std::string& lines) {
    return parse_one_service(lines);
}

}  // namespace

TEST_CASE("a free allowance") {
    struct {
        std::string lines;
        std::optional<config::FreeAllowance> expected;
    } const cases[] = {
        {"", std::nullopt},
        {"free_allowance = { requests = 10, per = \"1d\" }\n", config::FreeAllowance{10, 24h}},
        {"free_allowance = { requests = 1 }\n", config::FreeAllowance{1, 24h}},
        {"free_allowance = { requests = 3, per = \"90s\", max_price_msat = 5000, max_prefixes = 7 }\n",
         config::FreeAllowance{3, 90s, Msat(5000), 7}},
    };
    for (const auto& c : cases) {
        INFO(c.lines);
        auto config = parsed(c.lines);
        REQUIRE(config);
        CHECK(config->services[0].free_allowance == c.expected);
    }
    CHECK(parsed(cases[1].lines)->services[0].free_price() == Msat(1000));
    CHECK(parsed(cases[3].lines)->services[0].free_price() == Msat(5000));
}

TEST_CASE("free allowances that make no sense are refused with what would be right") {
    const std::string where = "m.toml:12: service.free_allowance";
    struct {
        std::string value;
        std::string fault;
    } const cases[] = {
        {"10", where + ": must be a table such as { requests = 10, per = \"1d\" }, not 10"},
        {"{ per = \"1d\" }", where + ".requests: missing: how many requests are free in the time, such as 10"},
        {"{ requests = 0 }", where + ".requests: must be a whole number from 1 to 1000000"},
        {"{ requests = 1, per = \"day\" }", where + ".per: must be a duration such as"},
        {"{ requests = 1, per = \"1500ms\" }", where + ".per: must be whole seconds, at most \"366d\""},
        {"{ requests = 1, per = \"367d\" }", where + ".per: must be whole seconds, at most \"366d\""},
        {"{ requests = 1, max_prefixes = 0 }", where + ".max_prefixes: must be a whole number from 1 to 10000000"},
        {"{ requests = 1, max_price_msat = 0 }", where + ".max_price_msat: must be a whole number from 1 to"},
        {"{ requests = 1, each = \"1d\" }", where + ".each: unknown key"},
    };
    for (const auto& c : cases) {
        INFO(c.value);
        auto config = parsed("free_allowance = " + c.value + "\n");
        REQUIRE_FALSE(config);
        INFO(config.error().message);
        CHECK(config.error().message.find(c.fault) != std::string::npos);
    }
}
