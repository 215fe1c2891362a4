// How often a service may be used: by one token, by one network prefix, in all. From any thread.
#pragma once

#include <string_view>

#include "common/ids/ids.hpp"
#include "service/limits/network.hpp"
#include "service/limits/rate_limiter.hpp"

namespace millrace::limits {

struct UseKey {
    std::uint64_t service = 0;
    std::uint64_t who = 0;
    bool operator==(const UseKey&) const = default;
};

}  // namespace millrace::limits

template <>
struct std::hash<millrace::limits::UseKey> {
    std::size_t operator()(const millrace::limits::UseKey& key) const noexcept {
        std::uint64_t x = (key.service ^ key.who) * 0x9E3779B97F4A7C15ULL;
        return static_cast<std::size_t>(x ^ (x >> 29U));
    }
};

namespace millrace::limits {

// What one service allows.
struct UseRates {
    std::optional<Rate> per_token;
    std::optional<Rate> per_prefix;
    std::optional<Rate> in_all;
    bool operator==(const UseRates&) const = default;
};

struct Use {
    std::string_view service;
    std::optional<PaymentHash> token;  // empty: a free path
    Prefix prefix;
};

class UseLimits {
  public:
    // Takes one of each, or says how long until there is one. What was taken before the one that lacks stays taken: who
    // does not wait, waits longer.
    [[nodiscard]] std::optional<Clock::duration> take(const UseRates& rates, const Use& use, Clock::time_point now);

  private:
    RateLimiter<UseKey> cells_;
};

}  // namespace millrace::limits
