// Connections that wait for a payment to be settled, on whatever thread they live: told once, by the store's news of
// the settlement, without anybody asking again and again.
//
//   SettlementWaiters::Place place = waiters.join({hash, prefix}, executor, {1000, 50});    on the connection's thread
//   if (!place) ...                                                                         too many wait already
//   while (!place->settled) co_await place->wakeup.wait();                       ends when it is settled
//
//   waiters.settled(hash);                                                       from any thread
//
// A settlement that is known before join() is not told: look into the store after joining, so that none is missed.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "common/ids/ids.hpp"
#include "service/async/wakeup.hpp"
#include "service/http/asio.hpp"
#include "service/limits/network.hpp"

namespace millrace::front {

class SettlementWaiters {
  public:
    // Of the connection's own thread, apart from its construction and its settlement.
    struct Waiter {
        explicit Waiter(http::Executor executor) : wakeup(executor) {}
        async::Wakeup wakeup;  // told of the settlement
        std::atomic<bool> settled{false};
        bool left = false;  // the client has, or nobody looks any more
        bool over = false;  // nobody needs to look any more
    };

    // Whose settlement is waited for, and where from.
    struct Who {
        PaymentHash hash;
        limits::Prefix prefix;
    };
    struct Bounds {
        std::size_t in_all = 1000;
        std::size_t per_prefix = 50;
        std::size_t per_payment = 8;  // the tabs of one browser
    };

    // Keeps a waiter's place; gives it up when it goes.
    class Place {
      public:
        Place() = default;
        Place(SettlementWaiters& waiters, const Who& who, std::shared_ptr<Waiter> waiter)
            : waiters_(&waiters), who_(who), waiter_(std::move(waiter)) {}
        Place(Place&& other) noexcept : waiters_(other.waiters_), who_(other.who_), waiter_(std::move(other.waiter_)) {}
        Place& operator=(Place&&) = delete;
        ~Place() {
            if (waiter_) waiters_->leave(who_, waiter_);
        }
        explicit operator bool() const { return waiter_ != nullptr; }
        Waiter* operator->() const { return waiter_.get(); }
        [[nodiscard]] const std::shared_ptr<Waiter>& waiter() const { return waiter_; }

      private:
        SettlementWaiters* waiters_ = nullptr;
        Who who_;
        std::shared_ptr<Waiter> waiter_;
    };

    // Empty where as many wait already as may: in all, of this network, or for this payment.
    [[nodiscard]] Place join(const Who& who, http::Executor executor, const Bounds& bounds);

    // Wakes all who wait for it, each on its own thread.
    void settled(const PaymentHash& hash);

    [[nodiscard]] std::size_t size() const;

  private:
    void leave(const Who& who, const std::shared_ptr<Waiter>& waiter);

    mutable std::mutex mutex_;
    std::unordered_multimap<PaymentHash, std::shared_ptr<Waiter>> waiters_;
    std::unordered_map<limits::Prefix, std::size_t> of_network_;
};

}  // namespace millrace::front
