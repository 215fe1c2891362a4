#include "service/http/watchdog.hpp"

#include <time.h>

namespace millrace::http {

Watchdog::Clock::time_point Watchdog::Clock::now() {
    ::timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

void Watchdog::look(Clock::time_point now) {
    for (Watch* watch = first_; watch; watch = watch->next_) {
        if (watch->target_ && now >= watch->deadline_) watch->fire();
    }
}

Awaitable<> keep_looking(std::weak_ptr<Watchdog> watched, Executor executor) {
    Timer timer(executor);
    for (;;) {
        timer.expires_after(Watchdog::period);
        auto [failed] = co_await timer.async_wait(use_result);
        auto dog = watched.lock();
        if (failed || !dog) co_return;
        dog->look(Watchdog::Clock::now());
    }
}

Watch::Watch(Watchdog& dog) : dog_(dog), next_(dog.first_) {
    if (next_) next_->previous_ = this;
    dog_.first_ = this;
}

Watch::~Watch() {
    if (previous_)
        previous_->next_ = next_;
    else
        dog_.first_ = next_;
    if (next_) next_->previous_ = previous_;
}

// The cancelled operation completes later, from the event loop: the list does not change under look().
void Watch::fire() {
    if (!target_) return;
    expired_ = true;
    deadline_ = {};
    cancel_(target_);
}

}  // namespace millrace::http
