// How well one address of an upstream is: what connecting to it and asking it have shown. A state machine, fed with
// events and the time; any thread may feed and ask it.
//
//   well -- cannot be connected to --> resting for 1 s, then well again until shown otherwise; 2 s, 4 s, ... up to 60 s
//           where that repeats, 1 s again once a connection was made
//   well -- a health check fails   --> unwell until one succeeds
//
// Only connecting counts: a connection that breaks under a request may be the request's fault, and one such request,
// tried everywhere, must not take every address out.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>

namespace millrace::upstream {

class AddressHealth {
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::milliseconds first_rest{1000};
    static constexpr std::chrono::milliseconds longest_rest{60'000};

    [[nodiscard]] bool well(Time now) const;

    // A connection was made. True where none could be made before.
    bool connected();

    // No connection could be made. How long the address rests now; empty where it rested already.
    std::optional<std::chrono::milliseconds> failed(Time now);

    // An answer came, of HTTP/1.0 or of a later version.
    void answered(bool in_1_0) {
        if (in_1_0 != speaks_1_0()) in_1_0_.store(in_1_0, std::memory_order_relaxed);
    }
    // Whether the last answer was of HTTP/1.0: such a server reads no chunks.
    [[nodiscard]] bool speaks_1_0() const { return in_1_0_.load(std::memory_order_relaxed); }

    // A health check succeeded or failed. True where the one before it went otherwise; the first one is held against
    // success.
    bool checked(bool good);

  private:
    std::atomic<Time::rep> rests_until_{Time::min().time_since_epoch().count()};
    std::atomic<unsigned> failures_{0};  // since the last connection
    std::atomic<bool> check_failed_{false};
    std::atomic<bool> in_1_0_{false};
};

// After so many failures before this one.
[[nodiscard]] std::chrono::milliseconds rest_after(unsigned failures);

}  // namespace millrace::upstream
