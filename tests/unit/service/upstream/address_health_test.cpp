#include "service/upstream/address_health.hpp"

#include <thread>
#include <vector>

#include "tests/unit/catch.hpp"

using namespace millrace::upstream;
using namespace std::chrono_literals;

namespace {

const AddressHealth::Time start{1000h};

}  // namespace

TEST_CASE("an address is well until shown otherwise") {
    AddressHealth health;
    CHECK(health.well(start));
    CHECK_FALSE(health.connected());
    CHECK_FALSE(health.checked(true));
    CHECK(health.well(start));
}

TEST_CASE("the rest after a failure doubles up to a bound") {
    struct {
        unsigned failures;
        std::chrono::milliseconds rest;
    } const cases[] = {{0, 1s}, {1, 2s}, {2, 4s}, {5, 32s}, {6, 60s}, {7, 60s}, {40, 60s}, {~0U, 60s}};
    for (const auto& c : cases) CHECK(rest_after(c.failures) == c.rest);
}

TEST_CASE("an address that cannot be connected to rests, and longer each time") {
    AddressHealth health;
    auto now = start;
    for (auto rest : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
        CHECK(health.failed(now) == rest);
        CHECK_FALSE(health.well(now));
        CHECK_FALSE(health.well(now + rest - 1ms));
        now += rest;
        CHECK(health.well(now));
    }
}

TEST_CASE("failures during a rest count for nothing: they met the same fault") {
    AddressHealth health;
    CHECK(health.failed(start) == 1s);
    for (int i = 0; i < 100; ++i) CHECK_FALSE(health.failed(start + 999ms));
    CHECK(health.well(start + 1s));
    CHECK(health.failed(start + 1s) == 2s);
}

TEST_CASE("a connection ends the rest, and the next one is short again") {
    AddressHealth health;
    (void)health.failed(start);
    (void)health.failed(start + 1s);
    CHECK_FALSE(health.well(start + 2s));
    CHECK(health.connected());
    CHECK_FALSE(health.connected());
    CHECK(health.well(start + 2s));
    CHECK(health.failed(start + 2s) == 1s);
}

TEST_CASE("a failed health check takes an address out until one succeeds, whatever connections say") {
    AddressHealth health;
    CHECK(health.checked(false));
    CHECK_FALSE(health.checked(false));
    CHECK_FALSE(health.well(start));
    (void)health.failed(start);
    CHECK(health.connected());
    CHECK_FALSE(health.well(start + 100h));
    CHECK(health.checked(true));
    CHECK(health.well(start));
}

TEST_CASE("of failures on many threads at one time one counts") {
    for (int round = 0; round < 50; ++round) {
        AddressHealth health;
        std::atomic<int> counted{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i) threads.emplace_back([&] { counted += health.failed(start).has_value() ? 1 : 0; });
        for (std::thread& thread : threads) thread.join();
        CHECK(counted == 1);
        CHECK(health.failed(start + 1s) == 2s);
    }
}
