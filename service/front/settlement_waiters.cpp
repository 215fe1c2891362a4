#include "service/front/settlement_waiters.hpp"

namespace millrace::front {

SettlementWaiters::Place SettlementWaiters::join(const Who& who, http::Executor executor, const Bounds& bounds) {
    std::lock_guard lock(mutex_);
    if (waiters_.size() >= bounds.in_all || waiters_.count(who.hash) >= bounds.per_payment) return {};
    auto network = of_network_.try_emplace(who.prefix, 0).first;
    if (network->second >= bounds.per_prefix) return {};
    ++network->second;
    auto waiter = std::make_shared<Waiter>(executor);
    waiters_.emplace(who.hash, waiter);
    return {*this, who, std::move(waiter)};
}

void SettlementWaiters::settled(const PaymentHash& hash) {
    std::lock_guard lock(mutex_);
    auto [begin, end] = waiters_.equal_range(hash);
    for (auto entry = begin; entry != end; ++entry) {
        entry->second->settled = true;
        entry->second->wakeup.tell();
    }
}

std::size_t SettlementWaiters::size() const {
    std::lock_guard lock(mutex_);
    return waiters_.size();
}

void SettlementWaiters::leave(const Who& who, const std::shared_ptr<Waiter>& waiter) {
    std::lock_guard lock(mutex_);
    auto network = of_network_.find(who.prefix);
    if (network != of_network_.end() && --network->second == 0) of_network_.erase(network);
    auto [begin, end] = waiters_.equal_range(who.hash);
    for (auto entry = begin; entry != end; ++entry) {
        if (entry->second != waiter) continue;
        waiters_.erase(entry);
        return;
    }
}

}  // namespace millrace::front
