#include "service/async/wakeup.hpp"

#include <boost/asio/post.hpp>
#include <mutex>
#include <utility>

namespace millrace::async {

struct Wakeup::State : std::enable_shared_from_this<State> {
    explicit State(Alarm& whose) : alarm(&whose) {}

    void tell() {
        std::lock_guard lock(mutex);
        if (!alarm || std::exchange(told, true) || !waiting) return;
        boost::asio::post(alarm->get_executor(), [state = shared_from_this()] { state->wake(); });
    }

    // On the waiting one's thread. It may wake another wait than the one that was told, which finds out by itself.
    void wake() {
        std::lock_guard lock(mutex);
        if (alarm && waiting) alarm->cancel();
    }

    // True: it was told. Else it is going to wait, where it is to.
    bool take(bool to_wait) {
        std::lock_guard lock(mutex);
        const bool was_told = std::exchange(told, false);
        waiting = to_wait && !was_told;
        return was_told;
    }

    void end() {
        std::lock_guard lock(mutex);
        alarm = nullptr;
    }

    std::mutex mutex;
    Alarm* alarm;  // null: it is gone
    bool told = false;
    bool waiting = false;
};

Wakeup::Wakeup(Executor executor) : alarm_(executor), state_(std::make_shared<State>(alarm_)) {}

Wakeup::~Wakeup() {
    state_->end();
}

void Wakeup::tell() {
    state_->tell();
}

std::function<void()> Wakeup::teller() const {
    return [state = state_] { state->tell(); };
}

Task<bool> Wakeup::wait_until(Clock::time_point deadline) {
    while (!state_->take(true)) {
        alarm_.expires_at(deadline);
        auto [woken] = co_await alarm_.async_wait(use_result);
        if (!woken) co_return state_->take(false);
    }
    co_return true;
}

Task<> Wakeup::wait() {
    bool told = false;
    while (!told) told = co_await wait_until(Clock::time_point::max());
}

}  // namespace millrace::async
