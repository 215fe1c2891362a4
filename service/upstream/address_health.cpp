#include "service/upstream/address_health.hpp"

#include <algorithm>

namespace millrace::upstream {

std::chrono::milliseconds rest_after(unsigned failures) {
    constexpr unsigned enough = 10;  // doublings beyond the longest rest
    return std::min(AddressHealth::longest_rest, AddressHealth::first_rest * (1U << std::min(failures, enough)));
}

bool AddressHealth::well(Time now) const {
    return !check_failed_.load(std::memory_order_relaxed) &&
           now.time_since_epoch().count() >= rests_until_.load(std::memory_order_relaxed);
}

bool AddressHealth::connected() {
    if (failures_.load(std::memory_order_relaxed) == 0) return false;
    rests_until_.store(Time::min().time_since_epoch().count(), std::memory_order_relaxed);
    return failures_.exchange(0, std::memory_order_relaxed) != 0;
}

// Of many requests that fail at one time, one counts: they all met the same fault.
std::optional<std::chrono::milliseconds> AddressHealth::failed(Time now) {
    Time::rep until = rests_until_.load(std::memory_order_relaxed);
    if (now.time_since_epoch().count() < until) return std::nullopt;
    std::chrono::milliseconds rest = rest_after(failures_.load(std::memory_order_relaxed));
    if (!rests_until_.compare_exchange_strong(until, (now + rest).time_since_epoch().count(),
                                              std::memory_order_relaxed))
        return std::nullopt;
    failures_.fetch_add(1, std::memory_order_relaxed);
    return rest;
}

bool AddressHealth::checked(bool good) {
    return check_failed_.exchange(!good, std::memory_order_relaxed) == good;
}

}  // namespace millrace::upstream
