// Those who change the same thing, one after another, in the order in which they came. On one thread.
//
//   const Turns::Turn turn = co_await turns.take(executor);      nobody else has one until it goes
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "service/async/wakeup.hpp"

namespace millrace::async {

class Turns {
    struct State {
        bool taken = false;
        std::deque<std::function<void()>> waiting;  // tells the one that comes next
    };

  public:
    class [[nodiscard]] Turn {
      public:
        explicit Turn(std::shared_ptr<State> state) : state_(std::move(state)) {}
        Turn(Turn&&) noexcept = default;
        Turn& operator=(Turn&&) = delete;
        ~Turn();

      private:
        std::shared_ptr<State> state_;
    };

    Task<Turn> take(Wakeup::Executor executor);

  private:
    std::shared_ptr<State> state_ = std::make_shared<State>();  // a turn may outlive this
};

}  // namespace millrace::async
