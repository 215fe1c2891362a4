// Something that becomes ready once, and those who wait for it.
#pragma once

#include <utility>

#include "plugin/host/signal.hpp"

namespace millrace::host {

class Readiness {
  public:
    explicit Readiness(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

    [[nodiscard]] bool ready() const { return ready_; }
    void set() { ready_ = true; }

    // True as soon as it is ready; false where it is not after `limit`. Only what comes in the first moments waits.
    boost::asio::awaitable<bool> wait(std::chrono::milliseconds limit) {
        constexpr std::chrono::milliseconds step{5};
        for (std::chrono::milliseconds waited{0}; !ready_ && waited < limit; waited += step) {
            co_await pause(executor_, step);
        }
        co_return ready_;
    }

  private:
    boost::asio::any_io_executor executor_;
    bool ready_ = false;
};

}  // namespace millrace::host
