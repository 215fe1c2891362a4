#include "contrib/simulator/engine/scheduler.hpp"

#include <algorithm>
#include <utility>

namespace millrace::sim {

void Scheduler::at(Time when, EventSink& sink, std::uint32_t kind, std::uint64_t subject) {
    heap_.push_back({std::max(when, now_), next_sequence_++, &sink, subject, kind});
    std::push_heap(heap_.begin(), heap_.end(), later);
}

Scheduler::TimerId Scheduler::call_at(Time when, std::function<void()> callback) {
    const TimerId timer = next_timer_++;
    timers_.emplace(timer, std::move(callback));
    at(when, *this, 0, timer);
    return timer;
}

bool Scheduler::cancel(TimerId timer) {
    return timers_.erase(timer) == 1;
}

std::optional<Time> Scheduler::next() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.front().when;
}

bool Scheduler::step() {
    if (heap_.empty()) return false;
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Event event = heap_.back();
    heap_.pop_back();
    now_ = event.when;
    ++executed_;
    event.sink->on_event(event.kind, event.subject);
    return true;
}

std::uint64_t Scheduler::run_until(Time end) {
    const std::uint64_t before = executed_;
    while (!heap_.empty() && heap_.front().when <= end) step();
    now_ = std::max(now_, end);
    return executed_ - before;
}

std::uint64_t Scheduler::run_all(std::uint64_t limit) {
    std::uint64_t ran = 0;
    while (ran < limit && step()) ++ran;
    return ran;
}

void Scheduler::on_event(std::uint32_t, std::uint64_t timer) {
    const auto found = timers_.find(timer);
    if (found == timers_.end()) return;  // cancelled
    const std::function<void()> callback = std::move(found->second);
    timers_.erase(found);
    callback();
}

}  // namespace millrace::sim
