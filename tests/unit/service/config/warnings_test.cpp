#include "service/config/warnings.hpp"

#include "service/config/load.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/service/config/one_service.hpp"

using namespace millrace::config;

TEST_CASE("M10: a cost that is told afterwards and bounded by nothing is warned of, with what it exposes") {
    struct {
        const char* lines;
        const char* warned;  // a part of the only warning; null: none
    } const cases[] = {
        {"", nullptr},
        {"credit_msat = 20000\n", nullptr},
        {"credit_msat = 20000\ncost_header = \"X-Cost\"\nmax_cost_msat = 10000\n", nullptr},
        {"credit_msat = 20000\ncost_header = \"X-Cost\"\n", "a balance of 20000 msat admits"},
    };
    for (const auto& c : cases) {
        INFO(c.lines);
        auto config = millrace::parse_one_service(c.lines);
        REQUIRE(config);
        const std::vector<std::string> told = warnings(*config);
        REQUIRE(told.size() == (c.warned ? 1 : 0));
        if (c.warned) CHECK(told[0].find(c.warned) != std::string::npos);
    }
}
