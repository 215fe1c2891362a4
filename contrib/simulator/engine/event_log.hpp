// What happened, as one running hash: two runs with the same hash went through the same events at the same times.
// A listener may also be given, for runs that write their events out.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "contrib/simulator/engine/scheduler.hpp"

namespace millrace::sim {

struct LoggedEvent {
    Time when;
    std::uint32_t kind = 0;
    std::uint64_t subject = 0;
    std::uint64_t value = 0;
};

class EventLog {
  public:
    void record(const LoggedEvent& event) {
        absorb(static_cast<std::uint64_t>(event.when.time_since_epoch().count()));
        absorb(event.kind);
        absorb(event.subject);
        absorb(event.value);
        ++count_;
        if (listener_) listener_(event);
    }
    void listen(std::function<void(const LoggedEvent&)> listener) { listener_ = std::move(listener); }

    [[nodiscard]] std::uint64_t hash() const { return hash_; }
    [[nodiscard]] std::uint64_t count() const { return count_; }

  private:
    // FNV-1a over words, with a shift so that high bits reach low ones.
    void absorb(std::uint64_t word) {
        hash_ = (hash_ ^ word) * 0x100000001B3ULL;
        hash_ ^= hash_ >> 29U;
    }

    std::uint64_t hash_ = 0xCBF29CE484222325ULL;
    std::uint64_t count_ = 0;
    std::function<void(const LoggedEvent&)> listener_;
};

}  // namespace millrace::sim
