#include "service/async/turns.hpp"

#include <utility>

namespace millrace::async {

// It stays taken where it is handed over.
Turns::Turn::~Turn() {
    if (!state_) return;
    if (state_->waiting.empty()) {
        state_->taken = false;
        return;
    }
    const std::function<void()> next = std::move(state_->waiting.front());
    state_->waiting.pop_front();
    next();
}

Task<Turns::Turn> Turns::take(Wakeup::Executor executor) {
    std::shared_ptr<State> state = state_;
    if (std::exchange(state->taken, true)) {
        Wakeup wakeup(executor);
        state->waiting.push_back(wakeup.teller());
        co_await wakeup.wait();
    }
    co_return Turn(std::move(state));
}

}  // namespace millrace::async
