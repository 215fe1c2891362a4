// Timeouts for many connections without a timer each: a Watch notes a deadline and what to cancel, and the thread's
// Watchdog looks at all of them a few times a second. A cancelled operation ends with operation_aborted; expired()
// tells why.
//
//   Watch watch(watchdog);
//   watch.arm(10s, stream);  auto [error, count] = co_await reading.read_some(...);  watch.disarm();
//   if (watch.expired()) ...
#pragma once

#include <chrono>
#include <memory>

#include "service/http/stream.hpp"

namespace millrace::http {

class Watch;

class Watchdog {
  public:
    // The steady clock as of the kernel's last tick, a few milliseconds ago: cheaper to read, and exact enough here.
    struct Clock {
        using time_point = std::chrono::steady_clock::time_point;
        [[nodiscard]] static time_point now();
    };
    static constexpr std::chrono::milliseconds tick{10};  // no kernel's is longer
    static constexpr std::chrono::milliseconds period{100};

    Watchdog() = default;
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    // Cancels what is overdue.
    void look(Clock::time_point now);

  private:
    friend class Watch;
    Watch* first_ = nullptr;
};

// Lets a watchdog look, every period, until it is gone. To be spawned once, on the executor of what it watches.
Awaitable<> keep_looking(std::weak_ptr<Watchdog> watched, Executor executor);

class Watch {
  public:
    explicit Watch(Watchdog& dog);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    // The target must outlive the watch, or disarm() come first.
    void arm(std::chrono::milliseconds timeout, Stream& target) {
        set(timeout, &target, [](void* stream) { static_cast<Stream*>(stream)->cancel(); });
    }
    void arm(std::chrono::milliseconds timeout, Resolver& target) {
        set(timeout, &target, [](void* resolver) { static_cast<Resolver*>(resolver)->cancel(); });
    }
    // Calls the target's member function `expire`, which is to disarm the watch or to arm it again.
    template <auto expire, class Target>
    void arm(std::chrono::milliseconds timeout, Target& target) {
        set(timeout, &target, [](void* one) { (static_cast<Target*>(one)->*expire)(); });
    }
    void disarm() { target_ = nullptr; }

    // Since the last arm().
    [[nodiscard]] bool expired() const { return expired_; }

    // Lets it expire now, and again at each look until it is disarmed: an operation that was about to begin ends too.
    void fire();

  private:
    friend class Watchdog;
    using Cancel = void (*)(void*);

    void set(std::chrono::milliseconds timeout, void* target, Cancel cancel) {
        deadline_ = Watchdog::Clock::now() + Watchdog::tick + timeout;  // never too early
        target_ = target;
        cancel_ = cancel;
        expired_ = false;
    }

    Watchdog& dog_;
    Watch* previous_ = nullptr;
    Watch* next_ = nullptr;
    Watchdog::Clock::time_point deadline_;
    void* target_ = nullptr;
    Cancel cancel_ = nullptr;
    bool expired_ = false;
};

}  // namespace millrace::http
