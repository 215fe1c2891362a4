#include <cmath>
#include <string>
#include <vector>

#include "contrib/simulator/engine/event_log.hpp"
#include "contrib/simulator/engine/pacer.hpp"
#include "contrib/simulator/engine/random.hpp"
#include "contrib/simulator/engine/scheduler.hpp"
#include "tests/unit/catch.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

struct Recorder final : EventSink {
    explicit Recorder(Scheduler& the_scheduler) : scheduler(the_scheduler) {}
    void on_event(std::uint32_t kind, std::uint64_t subject) override {
        seen.push_back({scheduler.now().time_since_epoch().count(), kind, subject});
        if (again && subject < 3) scheduler.at(scheduler.now(), *this, kind, subject + 1);
    }
    struct Seen {
        std::int64_t when;
        std::uint32_t kind;
        std::uint64_t subject;
        bool operator==(const Seen&) const = default;
    };
    Scheduler& scheduler;
    std::vector<Seen> seen;
    bool again = false;
};

TEST_CASE("events run by time, and at the same time in the order in which they were put in") {
    Scheduler scheduler(Time{});
    Recorder recorder(scheduler);
    scheduler.at(Time(5ns), recorder, 1, 50);
    scheduler.at(Time(3ns), recorder, 2, 30);
    scheduler.at(Time(5ns), recorder, 3, 51);
    scheduler.at(Time(3ns), recorder, 4, 31);
    CHECK(scheduler.run_until(Time(4ns)) == 2);
    CHECK(scheduler.now() == Time(4ns));
    scheduler.run_all();
    CHECK(recorder.seen == std::vector<Recorder::Seen>{{3, 2, 30}, {3, 4, 31}, {5, 1, 50}, {5, 3, 51}});
}

TEST_CASE("an event put in for now runs before run_until() ends, and one for the past counts as now") {
    Scheduler scheduler(Time(10ns));
    Recorder recorder(scheduler);
    recorder.again = true;
    scheduler.at(Time(1ns), recorder, 1, 1);
    CHECK(scheduler.run_until(Time(10ns)) == 3);
    CHECK(recorder.seen.back() == Recorder::Seen{10, 1, 3});
}

TEST_CASE("a cancelled timer is not called, and a called one cannot be cancelled") {
    Scheduler scheduler(Time{});
    int calls = 0;
    const auto first = scheduler.call_at(Time(1ns), [&] { ++calls; });
    const auto second = scheduler.call_at(Time(2ns), [&] { calls += 10; });
    CHECK(scheduler.cancel(first));
    CHECK_FALSE(scheduler.cancel(first));
    scheduler.run_all();
    CHECK(calls == 10);
    CHECK_FALSE(scheduler.cancel(second));
}

TEST_CASE("a random stream depends on seed, entity and purpose, and on nothing else") {
    const auto first = [](std::uint64_t seed, std::uint64_t entity, std::string_view purpose) {
        return RandomStream(seed, entity, purpose).next();
    };
    CHECK(first(1, 2, "latency") == first(1, 2, "latency"));
    CHECK(first(1, 2, "latency") != first(2, 2, "latency"));
    CHECK(first(1, 2, "latency") != first(1, 3, "latency"));
    CHECK(first(1, 2, "latency") != first(1, 2, "amount"));
    // Known values: a change here changes every recorded run.
    RandomStream stream(1, 2, "latency");
    const std::uint64_t a = stream.next();
    const std::uint64_t b = stream.next();
    CHECK(a != b);
}

TEST_CASE("below() stays below and reaches every value; unit() stays in [0, 1)") {
    RandomStream stream(7, 0, "test");
    std::vector<int> hits(5);
    for (int i = 0; i < 1000; ++i) ++hits[stream.below(5)];
    for (const int count : hits) CHECK(count > 120);
    for (int i = 0; i < 1000; ++i) {
        const double value = stream.unit();
        CHECK((value >= 0 && value < 1));
    }
}

TEST_CASE("exponential and normal draws have their means") {
    RandomStream stream(7, 1, "test");
    double exponential = 0;
    double normal = 0;
    constexpr int draws = 20'000;
    for (int i = 0; i < draws; ++i) {
        exponential += stream.exponential(3);
        normal += stream.normal();
    }
    CHECK(std::abs(exponential / draws - 3) < 0.1);
    CHECK(std::abs(normal / draws) < 0.03);
}

TEST_CASE("the pacer maps wall time to virtual time by its speed and its jumps, and back") {
    const Pacer::Wall start{};
    Pacer pacer(Time(100s), start, 60);
    CHECK(pacer.virtual_at(start + 1s) == Time(160s));
    CHECK(pacer.wall_at(Time(160s)) == start + 1s);
    CHECK(pacer.wall_at(Time(0s)) == start);
    pacer.jump(1h);
    CHECK(pacer.virtual_at(start + 1s) == Time(160s + 1h));
    CHECK(pacer.wall_at(Time(100s + 1h)) == start);
    CHECK(Pacer(Time{}, start, 0).unpaced());
    CHECK_FALSE(pacer.unpaced());
}

TEST_CASE("the event log's hash tells order, time and value apart") {
    const auto hash = [](const std::vector<LoggedEvent>& events) {
        EventLog log;
        for (const LoggedEvent& event : events) log.record(event);
        return log.hash();
    };
    const LoggedEvent one{Time(1ns), 1, 2, 3};
    const LoggedEvent two{Time(2ns), 1, 2, 3};
    const LoggedEvent other{Time(1ns), 1, 2, 4};
    CHECK(hash({one, two}) == hash({one, two}));
    CHECK(hash({one, two}) != hash({two, one}));
    CHECK(hash({one}) != hash({two}));
    CHECK(hash({one}) != hash({other}));
}

}  // namespace
}  // namespace millrace::sim
