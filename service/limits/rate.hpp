// How often something may happen: a count in a time, as "20/10s". The whole count may come at once; it comes back
// evenly.
//
// The generic cell rate algorithm (ITU-T I.371): one number a key, the time at which it would be idle again.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace millrace::limits {

using Clock = std::chrono::steady_clock;

struct Rate {
    std::uint32_t count = 1;
    std::chrono::nanoseconds time = std::chrono::seconds(1);
    bool operator==(const Rate&) const = default;
    [[nodiscard]] std::chrono::nanoseconds each() const { return time / count; }
};

class Cell {
  public:
    // Takes one, or says how long until there is one.
    [[nodiscard]] std::optional<Clock::duration> take(const Rate& rate, Clock::time_point now) {
        Clock::time_point start = idle_at_ > now ? idle_at_ : now;
        Clock::duration ahead = start - now + rate.each();
        if (ahead > rate.time) return ahead - rate.time;
        idle_at_ = now + ahead;
        return std::nullopt;
    }
    // Gives back what was taken and not used.
    void put_back(const Rate& rate) { idle_at_ -= rate.each(); }

  private:
    Clock::time_point idle_at_{};
};

}  // namespace millrace::limits
