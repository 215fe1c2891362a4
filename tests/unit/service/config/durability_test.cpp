#include "service/config/durability.hpp"

#include <string>

#include "service/config/load.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/service/config/one_service.hpp"

using namespace millrace;

TEST_CASE("each use is on disk before its answer, unless the service says how many may be later") {
    struct {
        std::string lines;
        std::uint64_t expected;
    } const cases[] = {
        {"", 0},
        {"uses = 100\n", 0},
        {"uses = 100\ndurability = \"each\"\n", 0},
        {"uses = 100\ndurability = \"lease\"\n", config::usual_lease_uses},
        {"uses = 100\ndurability = \"lease\"\nlease_uses = 5\n", 5},
        {"bytes = 5\ndurability = \"lease\"\n[[service.tier]]\nname = \"s\"\ntier = 1\nuses = 100\n",
         config::usual_lease_uses},
    };
    for (const auto& c : cases) {
        INFO(c.lines);
        auto config = parse_one_service(c.lines);
        REQUIRE(config);
        CHECK(config->services[0].lease_uses == c.expected);
    }
}

TEST_CASE("of a token that bought uses alone a tenth may be ahead of the disk, and no more than the lease") {
    struct {
        const char* name;
        std::uint64_t lease;
        config::Quota bought;
        std::uint64_t expected;
    } const cases[] = {
        {"many uses", 64, {.uses = 1'000'000}, 64},
        {"a tenth of few", 64, {.uses = 100}, 10},
        {"a tenth of fewer, rounded down", 64, {.uses = 19}, 1},
        {"less than ten", 64, {.uses = 9}, 0},
        {"single use", 64, {.uses = 1}, 0},
        {"no lease", 0, {.uses = 1'000'000}, 0},
        {"time alone", 64, {}, 0},
        {"bytes", 64, {.bytes = 1000}, 0},
        {"uses and bytes", 64, {.uses = 1000, .bytes = 1000}, 0},
        {"a balance", 64, {.credit = Msat(1000)}, 0},
    };
    auto config = parse_one_service("");
    REQUIRE(config);
    config::Service service = config->services[0];
    for (const auto& c : cases) {
        INFO(c.name);
        service.lease_uses = c.lease;
        CHECK(config::uses_ahead(service, c.bought) == c.expected);
    }
}

TEST_CASE("a lease that nothing could use is refused with what would be right") {
    const std::string lease = "durability = \"lease\"\n";
    struct {
        std::string lines;
        const char* fault;
    } const cases[] = {
        {"uses = 100\ndurability = \"never\"\n",
         "m.toml:13: service.durability: must be \"each\" or \"lease\", not \"never\""},
        {"uses = 100\ndurability = 1\n", "m.toml:13: service.durability: must be text"},
        {"uses = 100\nlease_uses = 5\n", "m.toml:13: service.lease_uses: needs durability = \"lease\""},
        {"uses = 100\nlease_uses = 0\n" + lease, "m.toml:13: service.lease_uses: must be a whole number from 1 to"},
        {lease,
         "m.toml:12: service.durability: \"lease\" is for tokens of 10 uses or more that are not counted by "
         "bytes, and this service sells none: leave it out, or sell uses = 10 or more"},
        {lease + "single_use = true\n", "m.toml:12: service.durability: \"lease\" is for tokens of 10 uses"},
        {lease + "uses = 9\n", "m.toml:12: service.durability: \"lease\" is for tokens of 10 uses"},
        {lease + "uses = 100\nbytes = 100\n", "m.toml:12: service.durability: \"lease\" is for tokens of 10 uses"},
        {lease + "credit_msat = 5000\n", "m.toml:12: service.durability: \"lease\" is for tokens of 10 uses"},
        {lease + "uses = 100\n[[service.tier]]\nname = \"s\"\ntier = 1\nuses = 2\n",
         "m.toml:12: service.durability: \"lease\" is for tokens of 10 uses"},
        {lease + "uses = 100\nschemes = [\"payment\"]\n",
         "m.toml:12: service.durability: \"lease\" is for tokens, and this service sells none: charges and sessions"},
    };
    for (const auto& c : cases) {
        INFO(c.lines);
        auto config = parse_one_service(c.lines);
        REQUIRE_FALSE(config);
        INFO(config.error().message);
        CHECK(config.error().message.find(c.fault) != std::string::npos);
    }
}
