// Prices that were asked for: fresh ones are used again, and what several ask for at a time is asked for once.
//
//   ask -> Fresh      use it
//        | Join       it is being asked for: the waiter is told
//        | Call       the caller asks, and calls answered(); the waiter is told then
//        | Busy       as many calls are under way, or as many wait, as may at a time
//
// Bounded: beyond `entries`, the price that was asked for the longest ago is forgotten. Not thread-safe; knows no
// clock.
#pragma once

#include <chrono>
#include <list>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "service/pricing/price_source.hpp"

namespace millrace::pricing {

class PriceBook {
  public:
    using Time = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::steady_clock::duration;

    struct Bounds {
        std::size_t calls = 16;
        std::size_t waiters = 10'000;
        std::size_t entries = 10'000;
    };
    struct Fresh {
        Quoted quoted;
    };
    struct Join {};
    struct Call {};
    struct Busy {};
    using Answer = std::variant<Fresh, Join, Call, Busy>;

    explicit PriceBook(Bounds bounds) : bounds_(bounds) {}

    [[nodiscard]] std::optional<Quoted> find(const std::string& thing, Time now) const;
    // `waiter` is kept where the answer is Join or Call.
    [[nodiscard]] Answer ask(const std::string& thing, Time now, Done waiter);
    // The end of a Call. Kept for `fresh`. Answers whom to tell.
    [[nodiscard]] std::vector<Done> answered(const std::string& thing, const Quoted& quoted, Time now, Duration fresh);
    // All that wait; whoever asked for them is told nothing more.
    [[nodiscard]] std::vector<Done> abandon();

    [[nodiscard]] std::size_t size() const { return known_.size(); }
    [[nodiscard]] std::size_t calls() const { return asked_.size(); }

  private:
    struct Known {
        Quoted quoted;
        Time fresh_until;
        std::list<std::string>::iterator order;
    };

    Bounds bounds_;
    std::unordered_map<std::string, Known> known_;
    std::list<std::string> order_;  // by time of the answer, the oldest first
    std::unordered_map<std::string, std::vector<Done>> asked_;
    std::size_t waiting_ = 0;
};

}  // namespace millrace::pricing
