#include "plugin/host/outbox.hpp"

#include <boost/asio/buffer.hpp>
#include <utility>

namespace millrace::host {

namespace asio = boost::asio;

Outbox::Outbox(asio::any_io_executor executor, int descriptor, std::function<void()> broken)
    : descriptor_(std::move(executor), descriptor), broken_(std::move(broken)) {
    descriptor_.non_blocking(true);
}

void Outbox::send(std::string message, Written written) {
    if (!descriptor_.is_open()) return;
    backlog_ += message.size();
    queue_.push_back({std::move(message), std::move(written)});
    if (!waiting_ && !flush()) wait();
}

bool Outbox::flush() {
    while (!queue_.empty()) {
        Item& item = queue_.front();
        boost::system::error_code error;
        const Clock::time_point begun = Clock::now();
        const std::size_t size =
            descriptor_.write_some(asio::buffer(item.message.data() + sent_, item.message.size() - sent_), error);
        if (error == asio::error::would_block || error == asio::error::try_again) return false;
        if (error) {
            fail();
            return true;
        }
        sent_ += size;
        backlog_ -= size;
        if (sent_ < item.message.size()) continue;
        const Written written = std::move(item.written);
        queue_.pop_front();
        sent_ = 0;
        if (written) written(begun);
    }
    return true;
}

void Outbox::wait() {
    waiting_ = true;
    descriptor_.async_wait(asio::posix::stream_descriptor::wait_write, [this](boost::system::error_code error) {
        waiting_ = false;
        if (!error && !flush()) wait();
    });
}

void Outbox::fail() {
    queue_.clear();
    backlog_ = 0;
    boost::system::error_code ignored;
    descriptor_.close(ignored);
    if (const auto broken = std::exchange(broken_, {})) broken();
}

}  // namespace millrace::host
