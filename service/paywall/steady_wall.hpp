// The time of day by which what was bought is judged: it follows the system's clock, but not its jumps.
//
// Between two looks, a second or so apart, the system's clock and the steady one go equally far. Where they do not,
// something has set the clock: by a little, and that is taken over; by more than `tolerance`, and then the new time is
// believed only once it has held for `hold`. Meanwhile time goes on as it did before. So a clock that is off by a day
// for a while neither ends what was paid for nor gives anything out again, and one that is put right is believed.
//
//   SteadyWall wall;                                         wall.look(system, steady) once a second, by one thread
//   wall.now(steady)                                         the time by which to judge; any thread
//   wall.dated(settled_at)                                   what the node's clock, which jumped too, said of now
//
// (The steady clock stands still while a machine sleeps: waking up is a jump that is believed after `hold`.)
#pragma once

#include <atomic>
#include <chrono>
#include <optional>

namespace millrace::paywall {

class SteadyWall {
  public:
    using System = std::chrono::system_clock::time_point;
    using Steady = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::nanoseconds;

    static constexpr std::chrono::seconds tolerance{60};
    static constexpr std::chrono::minutes hold{10};

    // What a look found: news for the log, and for whoever keeps times of the system's clock.
    enum class Change { none, jumped, came_back, believed };

    SteadyWall(System system, Steady steady) : base_(between(system, steady).count()) {}

    // One thread.
    Change look(System system, Steady steady);

    // Any thread.
    [[nodiscard]] System now(Steady steady) const { return System(to_system(steady.time_since_epoch() + base())); }

    // How far the system's clock is ahead of now(); zero but for jumps that are not believed. Any thread.
    [[nodiscard]] std::chrono::seconds ahead() const {
        return std::chrono::round<std::chrono::seconds>(Duration(ahead_.load(std::memory_order_relaxed)));
    }

    // When something happened by now(), of which another program says that it happened at `told`, by the system's
    // clock. Only what can have happened since the jump is moved. The thread that looks.
    [[nodiscard]] std::chrono::sys_seconds dated(std::chrono::sys_seconds told, System system) const;

  private:
    static Duration between(System system, Steady steady) {
        return std::chrono::duration_cast<Duration>(system.time_since_epoch()) -
               std::chrono::duration_cast<Duration>(steady.time_since_epoch());
    }
    static System::duration to_system(Duration time) { return std::chrono::duration_cast<System::duration>(time); }
    [[nodiscard]] Duration base() const { return Duration(base_.load(std::memory_order_relaxed)); }

    std::atomic<Duration::rep> base_;  // now() is the steady clock and this
    std::atomic<Duration::rep> ahead_{0};
    std::optional<Steady> jumped_at_;
    System since_{};  // by the system's clock, when it jumped
};

}  // namespace millrace::paywall
