#include "service/store/write_queue.hpp"

#include <utility>

namespace millrace::store {

void WriteQueue::push(Write write, bool hurry) {
    bool wakes = hurry;
    {
        std::lock_guard lock(mutex_);
        wakes = wakes || waiting_.empty();
        hurried_ = hurried_ || hurry;
        waiting_.push_back(std::move(write));
        ++pushed_;
    }
    if (wakes) changed_.notify_one();
}

void WriteQueue::close() {
    {
        std::lock_guard lock(mutex_);
        closed_ = true;
    }
    changed_.notify_one();
}

bool WriteQueue::take(std::vector<Write>& group) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience_.idle, [this] { return closed_ || !waiting_.empty(); });
    if (!waiting_.empty()) changed_.wait_for(lock, patience_.unhurried, [this] { return closed_ || hurried_; });
    if (closed_ && waiting_.empty()) return false;
    group.swap(waiting_);
    hurried_ = false;
    return true;
}

std::size_t WriteQueue::size() const {
    std::lock_guard lock(mutex_);
    return waiting_.size();
}

std::uint64_t WriteQueue::pushed() const {
    std::lock_guard lock(mutex_);
    return pushed_;
}

}  // namespace millrace::store
