// What goes to lightningd: whole messages, in order, written at once where the pipe takes them.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <string>

namespace millrace::host {

class Outbox {
  public:
    using Clock = std::chrono::steady_clock;
    // When the write began that took the last byte: the kernel may run lightningd before that write returns.
    using Written = std::function<void(Clock::time_point)>;

    // Takes `descriptor` over and makes it non-blocking. `broken` is called once, when nobody reads any more.
    Outbox(boost::asio::any_io_executor executor, int descriptor, std::function<void()> broken);

    // `message` with its terminator. `written` is called once the last byte went into the pipe.
    void send(std::string message, Written written = {});

    // Bytes that wait because lightningd does not read.
    [[nodiscard]] std::size_t backlog() const { return backlog_; }

  private:
    struct Item {
        std::string message;
        Written written;
    };

    // Writes what goes without waiting; true when all is written.
    bool flush();
    void wait();
    void fail();

    boost::asio::posix::stream_descriptor descriptor_;
    std::function<void()> broken_;
    std::deque<Item> queue_;
    std::size_t sent_ = 0;  // of the first item
    std::size_t backlog_ = 0;
    bool waiting_ = false;
};

}  // namespace millrace::host
