// Lets coroutines wait for something to happen on the same executor.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

namespace millrace::host {

class Signal {
  public:
    explicit Signal(const boost::asio::any_io_executor& executor)
        : timer_(executor, boost::asio::steady_timer::time_point::max()) {}

    // Returns when notify() is called after this. Spurious returns are possible: check what you wait for.
    boost::asio::awaitable<void> wait() {
        boost::system::error_code ignored;
        co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }

    // The same, but for no longer than `limit`.
    boost::asio::awaitable<void> wait_for(std::chrono::milliseconds limit) {
        boost::asio::steady_timer deadline(timer_.get_executor(), limit);
        deadline.async_wait([this](boost::system::error_code error) {
            if (!error) notify();
        });
        co_await wait();
    }

    // Wakes all who wait.
    void notify() { timer_.cancel(); }

  private:
    boost::asio::steady_timer timer_;
};

// A pause on `executor`.
inline boost::asio::awaitable<void> pause(boost::asio::any_io_executor executor, std::chrono::milliseconds length) {
    boost::asio::steady_timer timer(executor, length);
    boost::system::error_code ignored;
    co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
}

}  // namespace millrace::host
