#include "service/paywall/free_ledger.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;
using paywall::FreeLedger;
using paywall::FreeRefusal;
using paywall::FreeReservation;

namespace {

const std::chrono::sys_seconds noon{1'800'000'000s};
const config::FreeAllowance two_an_hour{.requests = 2, .per = 1h, .max_prefixes = 3};

SecretKey key(std::uint8_t number) {
    std::array<std::uint8_t, 32> bytes{};
    bytes[0] = number;
    return SecretKey(bytes);
}

limits::Prefix prefix(std::uint64_t number) {
    return {number};
}

// Uses one if there is one, and says what became of it: what is left, or why not.
std::string use(FreeLedger& ledger, std::uint64_t who, std::chrono::sys_seconds now,
                const config::FreeAllowance& allowance = two_an_hour, const char* service = "weather") {
    auto reserved = ledger.reserve(service, prefix(who), allowance, now);
    if (auto* refusal = std::get_if<FreeRefusal>(&reserved)) return *refusal == FreeRefusal::full ? "full" : "used up";
    auto& free = std::get<FreeReservation>(reserved);
    free.commit();
    return std::to_string(free.left());
}

}  // namespace

TEST_CASE("each prefix has its free requests in each window, of each service") {
    FreeLedger ledger(key(1));
    struct {
        std::uint64_t who;
        std::chrono::seconds at;
        const char* service;
        const char* expected;
    } const steps[] = {
        {1, 0s, "weather", "1"},       {2, 10s, "weather", "1"},
        {1, 1h - 1s, "weather", "0"},  {1, 1h - 1s, "weather", "used up"},
        {1, 1h - 1s, "tides", "1"},    {1, 1h, "weather", "1"},  // its window began with its first request
        {2, 1h, "weather", "0"},       {2, 1h + 9s, "weather", "used up"},
        {2, 1h + 10s, "weather", "1"},
    };
    for (const auto& step : steps) {
        INFO(step.who << ' ' << step.at.count() << ' ' << step.service);
        CHECK(use(ledger, step.who, noon + step.at, two_an_hour, step.service) == step.expected);
    }
}

TEST_CASE("what is set aside is promised to nobody else, and released where it was not committed") {
    FreeLedger ledger(key(1));
    {
        auto first = ledger.reserve("weather", prefix(1), two_an_hour, noon);
        auto second = ledger.reserve("weather", prefix(1), two_an_hour, noon);
        CHECK(std::get<FreeReservation>(second).left() == 0);
        CHECK(use(ledger, 1, noon) == "used up");
        CHECK(ledger.left("weather", prefix(1), two_an_hour, noon) == 0);
        FreeReservation moved = std::move(std::get<FreeReservation>(first));
        moved.commit();
    }
    CHECK(ledger.left("weather", prefix(1), two_an_hour, noon) == 1);
    CHECK(use(ledger, 1, noon) == "0");
    {
        auto released = ledger.reserve("weather", prefix(2), two_an_hour, noon);
        CHECK(ledger.size("weather") == 2);
    }
    CHECK(ledger.size("weather") == 1);  // who used nothing up takes no room
}

TEST_CASE("a request that outlives its window changes nothing in the next one") {
    FreeLedger ledger(key(1));
    auto early = ledger.reserve("weather", prefix(1), two_an_hour, noon);
    CHECK(use(ledger, 1, noon + 1h) == "1");
    std::get<FreeReservation>(early).commit();
    CHECK(use(ledger, 1, noon + 1h) == "0");
    CHECK(use(ledger, 1, noon + 1h) == "used up");
}

TEST_CASE("where too many prefixes are remembered the next one pays, until a window ends") {
    FreeLedger ledger(key(1));
    for (std::uint64_t who = 1; who <= 3; ++who) CHECK(use(ledger, who, noon + 1s * who) == "1");
    CHECK(use(ledger, 4, noon + 10s) == "full");
    CHECK(ledger.left("weather", prefix(4), two_an_hour, noon + 10s) == 0);
    CHECK(use(ledger, 3, noon + 10s) == "0");
    CHECK(use(ledger, 4, noon + 10s, two_an_hour, "tides") == "1");
    CHECK(ledger.left("weather", prefix(4), two_an_hour, noon + 1h + 1s) == 2);
    CHECK(use(ledger, 4, noon + 1h + 1s) == "1");
    CHECK(ledger.size("weather") == 3);
    CHECK(use(ledger, 5, noon + 3h) == "1");
    CHECK(ledger.size("weather") == 1);
}

TEST_CASE("a clock that is set back opens no window anew, unless it was ahead by more than one") {
    FreeLedger ledger(key(1));
    CHECK(use(ledger, 1, noon) == "1");
    CHECK(use(ledger, 1, noon - 50min) == "0");
    CHECK(use(ledger, 1, noon - 50min) == "used up");
    CHECK(use(ledger, 1, noon - 2h) == "1");
    // The one in front began later: the other goes by itself.
    CHECK(use(ledger, 2, noon + 30min) == "1");
    CHECK(use(ledger, 3, noon) == "1");
    CHECK(use(ledger, 3, noon + 1h) == "1");
}

TEST_CASE("what was on disk counts, and a new configuration is believed") {
    FreeLedger ledger(key(1));
    const paywall::PrefixTag tag = paywall::tag_of(key(1), "weather", prefix(1));
    ledger.load({"weather", tag, noon, noon + 1h, 1});
    CHECK(use(ledger, 1, noon + 1min) == "0");
    CHECK(use(ledger, 1, noon + 1min) == "used up");
    CHECK(use(ledger, 1, noon + 1min, {.requests = 5, .per = 1h}) == "2");
    CHECK(use(ledger, 1, noon + 1min, {.requests = 1, .per = 1h}) == "used up");
    CHECK(use(ledger, 1, noon + 1min, {.requests = 1, .per = 1min}) == "0");
}

TEST_CASE("a prefix's tag tells nothing without the key") {
    const paywall::PrefixTag tag = paywall::tag_of(key(1), "weather", prefix(7));
    CHECK(tag == paywall::tag_of(key(1), "weather", prefix(7)));
    CHECK(tag != paywall::tag_of(key(2), "weather", prefix(7)));
    CHECK(tag != paywall::tag_of(key(1), "tides", prefix(7)));
    CHECK(tag != paywall::tag_of(key(1), "weather", prefix(8)));
}

// Aperture's map of free requests was written to by several threads at a time.
TEST_CASE("pitfall 12: of many requests at once exactly the allowance is free") {
    FreeLedger ledger(key(1));
    const config::FreeAllowance allowance{.requests = 100, .per = 1h};
    std::atomic<int> granted{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&, i] {
            for (int n = 0; n < 200; ++n) {
                auto reserved = ledger.reserve("weather", prefix(n % 3U), allowance, noon);
                auto* free = std::get_if<FreeReservation>(&reserved);
                if (!free) continue;
                if ((n + i) % 5 == 0) continue;  // the upstream failed: released
                free->commit();
                ++granted;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    int used = 0;
    for (std::uint64_t who = 0; who < 3; ++who)
        used += static_cast<int>(100 - ledger.left("weather", prefix(who), allowance, noon));
    CHECK(used == granted);
    CHECK(granted <= 300);
    CHECK(granted > 250);
}
