// The discrete-event engine: a queue of events in virtual time, run in the order (time, sequence number).
//
//   Scheduler scheduler(start);
//   scheduler.at(scheduler.now() + 3ms, sink, kind, subject);   // sink.on_event(kind, subject) is called then
//   scheduler.run_until(end);
//
// Two events at the same time run in the order in which they were put in, so that a run depends on its inputs alone.
// There is no clock, no socket and no thread in here; whoever wants wall-clock speed paces run_until() from outside.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

namespace millrace::sim {

using Duration = std::chrono::nanoseconds;
using Time = std::chrono::sys_time<Duration>;  // virtual; for a paced run it is what the nodes' clocks show

// Receives the events it put into the queue. Must outlive them.
class EventSink {
  public:
    virtual void on_event(std::uint32_t kind, std::uint64_t subject) = 0;

  protected:
    ~EventSink() = default;
};

class Scheduler final : private EventSink {
  public:
    using TimerId = std::uint64_t;

    explicit Scheduler(Time start) : now_(start) {}
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    [[nodiscard]] Time now() const { return now_; }

    // An event that cannot be cancelled: the fast path. A time in the past means now.
    void at(Time when, EventSink& sink, std::uint32_t kind, std::uint64_t subject);

    // A callback that can be cancelled; slower than at().
    TimerId call_at(Time when, std::function<void()> callback);
    // True where it was still waiting.
    bool cancel(TimerId timer);

    // When the next event is due; empty for an empty queue.
    [[nodiscard]] std::optional<Time> next() const;

    // Runs one event; false where there is none.
    bool step();
    // Runs every event due at or before `end`, those that they put in included, then sets the time to `end`.
    // Answers how many ran.
    std::uint64_t run_until(Time end);
    // Runs until the queue is empty or `limit` events have run.
    std::uint64_t run_all(std::uint64_t limit = UINT64_MAX);

    [[nodiscard]] std::uint64_t executed() const { return executed_; }

  private:
    struct Event {
        Time when;
        std::uint64_t sequence;
        EventSink* sink;
        std::uint64_t subject;
        std::uint32_t kind;
    };
    static bool later(const Event& left, const Event& right) {
        return left.when != right.when ? left.when > right.when : left.sequence > right.sequence;
    }
    void on_event(std::uint32_t kind, std::uint64_t subject) override;

    Time now_;
    std::vector<Event> heap_;
    std::uint64_t next_sequence_ = 0;
    std::uint64_t executed_ = 0;
    std::unordered_map<TimerId, std::function<void()>> timers_;
    TimerId next_timer_ = 1;
};

}  // namespace millrace::sim
