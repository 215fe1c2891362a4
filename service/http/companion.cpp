#include "service/http/companion.hpp"

#include "service/async/spawn.hpp"

namespace millrace::http {

void Companion::start(Awaitable<> work) {
    state_->running = true;
    auto end = [state = state_](const std::exception_ptr& thrown) {
        async::log_exception("a companion of a connection", thrown);
        state->running = false;
        state->alarm.cancel();
    };
    async::start(executor_, std::move(work), std::move(end));
}

Awaitable<> Companion::ended() {
    std::shared_ptr<State> state = state_;
    while (state->running) {
        state->alarm.expires_at(Timer::time_point::max());
        co_await state->alarm.async_wait(use_result);
    }
}

}  // namespace millrace::http
