#include "plugin/invoicing/rate_limiter.hpp"

#include "tests/unit/catch.hpp"

namespace millrace::invoicing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const RateLimiter::Clock::time_point start{seconds(1000)};

int take_all(RateLimiter& limiter, RateLimiter::Clock::time_point now) {
    int taken = 0;
    while (limiter.take(now)) ++taken;
    return taken;
}

TEST_CASE("a second's worth may come at once, then as many as time brings") {
    RateLimiter limiter(200, start);
    CHECK(take_all(limiter, start) == 200);
    CHECK(take_all(limiter, start + milliseconds(4)) == 0);
    CHECK(take_all(limiter, start + milliseconds(6)) == 1);
    CHECK(take_all(limiter, start + milliseconds(506)) == 100);
}

TEST_CASE("what was not used is not saved up beyond a second") {
    RateLimiter limiter(5, start);
    CHECK(take_all(limiter, start + seconds(3600)) == 5);
}

TEST_CASE("a clock that goes backwards gives nothing and takes nothing") {
    RateLimiter limiter(10, start);
    CHECK(take_all(limiter, start) == 10);
    CHECK(take_all(limiter, start - seconds(5)) == 0);
    CHECK(take_all(limiter, start + seconds(1)) == 10);
}

TEST_CASE("in any long time no more are let through than the rate allows") {
    RateLimiter limiter(50, start);
    int taken = 0;
    for (int i = 0; i < 10'000; ++i) taken += limiter.take(start + milliseconds(i)) ? 1 : 0;
    CHECK(taken <= 50 + 500);
    CHECK(taken >= 50 + 498);
}

}  // namespace
}  // namespace millrace::invoicing
