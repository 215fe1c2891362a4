#include "service/paywall/steady_wall.hpp"

namespace millrace::paywall {

SteadyWall::Change SteadyWall::look(System system, Steady steady) {
    Duration base = between(system, steady);
    Duration ahead = base - this->base();
    if (ahead <= tolerance && ahead >= -tolerance) {
        // A clock that is set right bit by bit is followed.
        base_.store(base.count(), std::memory_order_relaxed);
        ahead_.store(0, std::memory_order_relaxed);
        bool was_off = jumped_at_.has_value();
        jumped_at_.reset();
        return was_off ? Change::came_back : Change::none;
    }
    Duration before(ahead_.load(std::memory_order_relaxed));
    bool another = !jumped_at_ || ahead - before > tolerance || before - ahead > tolerance;
    ahead_.store(ahead.count(), std::memory_order_relaxed);
    if (another) {
        jumped_at_ = steady;
        since_ = system;
        return Change::jumped;
    }
    if (steady - *jumped_at_ < hold) return Change::none;
    base_.store(base.count(), std::memory_order_relaxed);
    ahead_.store(0, std::memory_order_relaxed);
    jumped_at_.reset();
    return Change::believed;
}

std::chrono::sys_seconds SteadyWall::dated(std::chrono::sys_seconds told, System system) const {
    if (!jumped_at_ || told < since_ - tolerance || told > system + tolerance) return told;
    return std::chrono::floor<std::chrono::seconds>(told - Duration(ahead_.load(std::memory_order_relaxed)));
}

}  // namespace millrace::paywall
