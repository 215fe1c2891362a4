// A token bucket: `per_second` on the long run, as many in one burst as fit into a second.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace millrace::invoicing {

class RateLimiter {
  public:
    using Clock = std::chrono::steady_clock;

    RateLimiter(std::uint32_t per_second, Clock::time_point now)
        : per_second_(per_second), tokens_(per_second), updated_(now) {}

    // Takes one token; false where there is none. A clock that went backwards counts as standing still.
    [[nodiscard]] bool take(Clock::time_point now) {
        refill(now);
        if (tokens_ < 1) return false;
        tokens_ -= 1;
        return true;
    }

    // What is left is kept, as far as it fits into a second of the new rate.
    void set_rate(std::uint32_t per_second, Clock::time_point now) {
        refill(now);
        per_second_ = per_second;
        tokens_ = std::min<double>(per_second_, tokens_);
    }

    [[nodiscard]] std::uint32_t per_second() const { return per_second_; }

  private:
    void refill(Clock::time_point now) {
        const std::chrono::duration<double> passed = std::max(now - updated_, Clock::duration::zero());
        updated_ = std::max(now, updated_);
        tokens_ = std::min<double>(per_second_, tokens_ + passed.count() * per_second_);
    }

    std::uint32_t per_second_;
    double tokens_;
    Clock::time_point updated_;
};

}  // namespace millrace::invoicing
