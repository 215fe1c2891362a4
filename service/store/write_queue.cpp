#include "service/store/write_queue.hpp"

#include <utility>

namespace millrace::store {

// `put` adds to what waits, with the lock held.
template <class Put>
void WriteQueue::add(bool hurry, Put put) {
    bool first = false;
    {
        std::lock_guard lock(mutex_);
        first = waiting_.empty();
        hurried_ = hurried_ || hurry;
        put();
        ++pushed_;
    }
    if (hurry || first) changed_.notify_one();
}

void WriteQueue::push(Write write, bool hurry) {
    add(hurry, [&] { waiting_.push_back(std::move(write)); });
}

void WriteQueue::push_answered(const PaymentHash& hash, std::string_view service, std::uint64_t uses, bool hurry) {
    add(hurry, [&] {
        auto [place, is_new] = answered_.try_emplace(hash, waiting_.size());
        if (is_new)
            waiting_.push_back(AnsweredWrite{hash, std::string(service), uses});
        else
            std::get<AnsweredWrite>(waiting_[place->second]).uses += uses;
    });
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
    answered_.clear();
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
