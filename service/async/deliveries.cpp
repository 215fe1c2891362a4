#include "service/async/deliveries.hpp"

#include <boost/asio/post.hpp>
#include <exception>

#include "service/async/spawn.hpp"

namespace millrace::async {

boost::asio::execution_context::id Deliveries::id;

Deliveries::Deliveries(boost::asio::execution_context& context)
    : boost::asio::execution_context::service(context), context_(static_cast<boost::asio::io_context&>(context)) {}

// What goes with one may let go of what others wait for.
void Deliveries::shutdown() {
    for (;;) {
        std::vector<Delivery*> lost;
        {
            std::lock_guard lock(mutex_);
            lost.swap(waiting_);
        }
        if (lost.empty()) return;
        for (Delivery* one : lost) one->lose();
    }
}

void Deliveries::deliver(Delivery& delivery) {
    {
        std::lock_guard lock(mutex_);
        waiting_.push_back(&delivery);
        if (waiting_.size() > 1) return;  // they are about to be fetched
    }
    boost::asio::post(context_, [this] { hand_over(); });
}

void Deliveries::hand_over() {
    {
        std::lock_guard lock(mutex_);
        handed_over_.swap(waiting_);
    }
    for (Delivery* one : handed_over_) {
        try {
            one->arrive();
        } catch (...) {
            log_exception("what another thread has brought", std::current_exception());
        }
    }
    handed_over_.clear();
}

}  // namespace millrace::async
