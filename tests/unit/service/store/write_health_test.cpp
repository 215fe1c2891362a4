#include "service/store/write_health.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace::store;
using namespace std::chrono_literals;

TEST_CASE("a store that cannot be written is reported once a minute, and when it can be again") {
    WriteHealth health;
    const WriteHealth::Time start{1000s};
    CHECK_FALSE(health.committed("", start));
    CHECK(health.good());

    auto first = health.committed("disk full", start + 1s);
    REQUIRE(first);
    CHECK(first->level == spdlog::level::err);
    CHECK(first->text == "disk full; until it can be written, nothing is sold, and what must be recorded is 503");
    CHECK_FALSE(health.good());
    for (auto passed : {2s, 30s, 60s}) CHECK_FALSE(health.committed("disk full", start + passed));
    CHECK(health.committed("disk full", start + 61s));
    CHECK_FALSE(health.committed("disk full", start + 62s));

    auto end = health.committed("", start + 63s);
    REQUIRE(end);
    CHECK(end->text == "the store can be written again, after 6 failures");
    CHECK(health.good());
    CHECK_FALSE(health.committed("", start + 64s));
    // The next time is news at once.
    CHECK(health.committed("locked", start + 65s));
}
