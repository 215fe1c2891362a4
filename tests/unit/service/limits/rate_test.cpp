#include "service/limits/rate_limiter.hpp"
#include "service/limits/use_limits.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;
using limits::Clock;
using limits::Rate;

namespace {

const Clock::time_point start{std::chrono::hours(1000)};

unsigned taken(limits::Cell& cell, const Rate& rate, Clock::time_point now) {
    unsigned count = 0;
    while (!cell.take(rate, now)) ++count;
    return count;
}

}  // namespace

TEST_CASE("a rate allows its count at once and gives it back evenly") {
    const Rate rate{20, 10s};
    limits::Cell cell;
    CHECK(taken(cell, rate, start) == 20);
    CHECK(cell.take(rate, start).value() == 500ms);
    CHECK(cell.take(rate, start + 499ms).value() == 1ms);
    CHECK(taken(cell, rate, start + 500ms) == 1);
    CHECK(taken(cell, rate, start + 5500ms) == 10);
    CHECK(taken(cell, rate, start + 100s) == 20);
}

TEST_CASE("keys are limited apart from each other, in bounded memory") {
    limits::RateLimiter<std::uint64_t> limiter;
    const Rate once{1, 60s};
    CHECK_FALSE(limiter.take(1, once, start));
    CHECK(limiter.take(1, once, start));
    CHECK_FALSE(limiter.take(2, once, start));
    for (std::uint64_t key = 10; key < 600'000; ++key) (void)limiter.take(key, once, start);
    CHECK(limiter.size() <= 2 * limiter.shard_count * limiter.generation_size);
}

TEST_CASE("N1: what was taken and not used is given back, to the key it was taken of") {
    limits::RateLimiter<std::uint64_t> limiter;
    const Rate once{1, 60s};
    for (int i = 0; i < 5; ++i) {
        CHECK_FALSE(limiter.take(1, once, start));
        CHECK(limiter.take(1, once, start));
        limiter.put_back(1, once);
    }
    CHECK_FALSE(limiter.take(2, once, start));
    CHECK_FALSE(limiter.take(1, once, start));
    CHECK(limiter.take(1, once, start));
    CHECK(limiter.take(2, once, start));
}

TEST_CASE("a service is limited by token, by network and in all") {
    limits::UseLimits uses;
    const limits::UseRates rates{Rate{2, 1s}, Rate{3, 1s}, Rate{4, 1s}};
    const PaymentHash a(std::array<std::uint8_t, 32>{1});
    const PaymentHash b(std::array<std::uint8_t, 32>{2});
    auto passes = [&](const PaymentHash& token, std::uint64_t prefix, const char* service = "s") {
        return !uses.take(rates, {service, token, {prefix}}, start);
    };
    CHECK(passes(a, 1));
    CHECK(passes(a, 1));
    CHECK_FALSE(passes(a, 1));  // the token's two
    CHECK(passes(b, 1));
    CHECK_FALSE(passes(b, 1));  // the network's three
    CHECK(passes(PaymentHash(std::array<std::uint8_t, 32>{3}), 2));
    CHECK_FALSE(passes(PaymentHash(std::array<std::uint8_t, 32>{4}), 3));  // four in all
    CHECK(passes(a, 1, "other"));
    CHECK_FALSE(uses.take({}, {"s", a, {1}}, start));
}
