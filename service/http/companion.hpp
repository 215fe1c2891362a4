// A coroutine beside the one that started it, on the same executor.
//
//   Companion pump(executor);
//   pump.start(carry_body(...));
//   ...                                      whatever makes it end soon
//   co_await pump.ended();                   before anything goes that it uses
//
// However the work ends, by return or by exception, it has ended: nobody waits for it in vain. An exception is logged.
#pragma once

#include <memory>

#include "service/http/asio.hpp"

namespace millrace::http {

class Companion {
  public:
    explicit Companion(Executor executor) : executor_(executor), state_(std::make_shared<State>(executor)) {}
    Companion(const Companion&) = delete;
    Companion& operator=(const Companion&) = delete;

    // Once.
    void start(Awaitable<> work);
    [[nodiscard]] bool running() const { return state_->running; }
    // Waits until the work has ended, and let go of all it had.
    Awaitable<> ended();

  private:
    struct State {
        explicit State(Executor executor) : alarm(executor) {}
        bool running = false;
        Timer alarm;  // cancelled by the end
    };

    Executor executor_;
    std::shared_ptr<State> state_;
};

}  // namespace millrace::http
