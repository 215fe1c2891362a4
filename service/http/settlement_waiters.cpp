#include "service/http/settlement_waiters.hpp"

#include <boost/asio/post.hpp>

namespace millrace::http {

SettlementWaiters::Place SettlementWaiters::join(const PaymentHash& hash, Executor executor, std::size_t max) {
    std::lock_guard lock(mutex_);
    if (waiters_.size() >= max) return {};
    auto waiter = std::make_shared<Waiter>(executor);
    waiters_.emplace(hash, waiter);
    return {*this, hash, std::move(waiter)};
}

void SettlementWaiters::settled(const PaymentHash& hash) {
    std::lock_guard lock(mutex_);
    auto [begin, end] = waiters_.equal_range(hash);
    for (auto entry = begin; entry != end; ++entry) {
        asio::post(entry->second->alarm.get_executor(), [waiter = entry->second] {
            waiter->settled = true;
            waiter->alarm.cancel();
        });
    }
}

std::size_t SettlementWaiters::size() const {
    std::lock_guard lock(mutex_);
    return waiters_.size();
}

void SettlementWaiters::leave(const PaymentHash& hash, const std::shared_ptr<Waiter>& waiter) {
    std::lock_guard lock(mutex_);
    auto [begin, end] = waiters_.equal_range(hash);
    for (auto entry = begin; entry != end; ++entry) {
        if (entry->second != waiter) continue;
        waiters_.erase(entry);
        return;
    }
}

}  // namespace millrace::http
