#include "service/pricing/price_book.hpp"

namespace millrace::pricing {

std::optional<Quoted> PriceBook::find(const std::string& thing, Time now) const {
    auto known = known_.find(thing);
    if (known == known_.end() || now >= known->second.fresh_until) return std::nullopt;
    return known->second.quoted;
}

PriceBook::Answer PriceBook::ask(const std::string& thing, Time now, Done waiter) {
    if (auto quoted = find(thing, now)) return Fresh{*quoted};
    auto asked = asked_.find(thing);
    bool first = asked == asked_.end();
    if (waiting_ >= bounds_.waiters || (first && asked_.size() >= bounds_.calls)) return Busy{};
    ++waiting_;
    asked_[thing].push_back(std::move(waiter));
    if (first) return Call{};
    return Join{};
}

std::vector<Done> PriceBook::answered(const std::string& thing, const Quoted& quoted, Time now, Duration fresh) {
    std::vector<Done> waiters;
    if (auto asked = asked_.find(thing); asked != asked_.end()) {
        waiters = std::move(asked->second);
        waiting_ -= waiters.size();
        asked_.erase(asked);
    }
    auto known = known_.find(thing);
    if (known != known_.end()) {
        order_.erase(known->second.order);
        known_.erase(known);
    } else if (known_.size() >= bounds_.entries) {
        known_.erase(order_.front());
        order_.pop_front();
    }
    order_.push_back(thing);
    known_.emplace(thing, Known{quoted, now + fresh, std::prev(order_.end())});
    return waiters;
}

std::vector<Done> PriceBook::abandon() {
    std::vector<Done> out;
    for (auto& [thing, waiters] : asked_) {
        for (Done& waiter : waiters) out.push_back(std::move(waiter));
    }
    asked_.clear();
    waiting_ = 0;
    return out;
}

}  // namespace millrace::pricing
