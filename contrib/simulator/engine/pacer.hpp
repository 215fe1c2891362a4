// Which virtual time belongs to a wall-clock time: virtual = start + speed * (wall - wall start) + jumps.
// A speed of 0 stands for "as fast as possible": there is then no relation, and due() answers every event at once.
#pragma once

#include <algorithm>
#include <chrono>

#include "contrib/simulator/engine/scheduler.hpp"

namespace millrace::sim {

class Pacer {
  public:
    using Wall = std::chrono::steady_clock::time_point;

    Pacer(Time virtual_start, Wall wall_start, double speed)
        : virtual_start_(virtual_start), wall_start_(wall_start), speed_(speed) {}

    [[nodiscard]] bool unpaced() const { return speed_ <= 0; }

    // The virtual time that ought to have been reached at `wall`.
    [[nodiscard]] Time virtual_at(Wall wall) const {
        const std::chrono::duration<double, std::nano> elapsed = wall - wall_start_;
        return virtual_start_ + Duration(static_cast<Duration::rep>(elapsed.count() * speed_));
    }

    // When an event at virtual time `when` is due on the wall clock; never before the start.
    [[nodiscard]] Wall wall_at(Time when) const {
        const double nanoseconds = static_cast<double>((when - virtual_start_).count()) / speed_;
        return wall_start_ + std::chrono::duration_cast<Wall::duration>(
                                 std::chrono::duration<double, std::nano>(std::max(nanoseconds, 0.0)));
    }

    // Moves virtual time ahead of the wall clock.
    void jump(Duration by) { virtual_start_ += by; }

  private:
    Time virtual_start_;
    Wall wall_start_;
    double speed_;
};

}  // namespace millrace::sim
