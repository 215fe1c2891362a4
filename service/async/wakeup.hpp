// A coroutine that waits, on its own thread, until any thread tells it to look again or a deadline comes.
//
//   Wakeup wakeup(executor);
//   const auto watch = book.watch(id, wakeup.teller());      whoever changes something tells
//   while (!(what it waits for is there)) {
//       const bool told = co_await wakeup.wait_until(deadline);
//       if (!told) ...                                       the deadline came first
//   }
//
// What is told before the wait ends it at once, and counts once, however often it came: whoever lets itself be told first
// and then looks misses nothing. It waits in one place at a time. A teller may outlive it, and its event loop: it does
// nothing then.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>

#include "service/async/task.hpp"

namespace millrace::async {

class Wakeup {
  public:
    using Executor = boost::asio::io_context::executor_type;
    using Clock = std::chrono::steady_clock;

    explicit Wakeup(Executor executor);
    ~Wakeup();
    Wakeup(const Wakeup&) = delete;
    Wakeup& operator=(const Wakeup&) = delete;

    // From any thread, while it is there.
    void tell();
    // tell(), from any thread and at any time.
    [[nodiscard]] std::function<void()> teller() const;

    // On the thread of its executor. False: nobody has told by then.
    Task<bool> wait_until(Clock::time_point deadline);
    Task<> wait();

  private:
    using Alarm = boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, Executor>;
    struct State;

    Alarm alarm_;
    std::shared_ptr<State> state_;
};

}  // namespace millrace::async
