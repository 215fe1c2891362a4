#include "service/paywall/watchers.hpp"

#include <utility>

namespace millrace::paywall {

Watchers::Watch Watchers::watch(const PaymentHash& id, std::function<void()> changed) {
    auto watcher = std::make_shared<Watcher>();
    watcher->changed = std::move(changed);
    std::lock_guard lock(mutex_);
    watchers_.emplace(id, watcher);
    count_.fetch_add(1, std::memory_order_relaxed);
    return {*this, id, std::move(watcher)};
}

// The count needs no order of its own: who watched before it looked did so before the lock that the change was made
// under, which whoever tells has had.
void Watchers::tell(const PaymentHash& id) const {
    if (count_.load(std::memory_order_relaxed) == 0) return;
    List told;
    {
        std::lock_guard lock(mutex_);
        auto [begin, end] = watchers_.equal_range(id);
        for (auto one = begin; one != end; ++one) told.push_back(one->second);
    }
    call(told);
}

void Watchers::tell_all() const {
    List told;
    {
        std::lock_guard lock(mutex_);
        for (const auto& [id, watcher] : watchers_) told.push_back(watcher);
    }
    call(told);
}

void Watchers::call(const List& told) {
    for (const auto& watcher : told) {
        std::lock_guard lock(watcher->mutex);
        if (watcher->changed) watcher->changed();
    }
}

void Watchers::end(const PaymentHash& id, const std::shared_ptr<Watcher>& watcher) {
    {
        std::lock_guard lock(mutex_);
        auto [begin, end] = watchers_.equal_range(id);
        for (auto one = begin; one != end; ++one) {
            if (one->second != watcher) continue;
            watchers_.erase(one);
            count_.fetch_sub(1, std::memory_order_relaxed);
            break;
        }
    }
    std::lock_guard lock(watcher->mutex);
    watcher->changed = nullptr;
}

}  // namespace millrace::paywall
