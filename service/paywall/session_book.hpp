// The sessions of the Payment scheme, in memory: which are open, what was deposited, which are in use, and since when
// each of them is not. What they have spent is in the ledger, under their id.
//
//   open --(begin_close)--> closing --(closed)--> closed            closing --(reopen)--> open
//
//   auto visit = book.enter(id, scope);     // of an open one, for as long as the request lasts
//
// Nobody enters one that is closing; whoever closes it waits until it is empty. May be used from any thread; the book
// outlives its visits and watches.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"
#include "service/paywall/watchers.hpp"

namespace millrace::paywall {

class SessionBook {
  public:
    using Time = std::chrono::steady_clock::time_point;
    using Clock = std::function<Time()>;

    enum class State { open, closing, closed };
    enum class Refusal { not_found, closed, wrong_scope };

    struct Terms {
        std::string scope;
        Msat deposit;
        std::chrono::seconds idle{0};
        State state = State::open;
        std::vector<PaymentHash> deposits = {};  // that pay for it, its own among them
    };

    // One request that uses a session.
    class Visit {
      public:
        Visit(Visit&& other) noexcept : book_(other.book_), id_(other.id_) { other.book_ = nullptr; }
        Visit& operator=(Visit&& other) noexcept;
        ~Visit() { leave(); }
        [[nodiscard]] const PaymentHash& id() const { return id_; }

      private:
        friend class SessionBook;
        Visit(SessionBook& book, const PaymentHash& id) : book_(&book), id_(id) {}
        void leave();
        SessionBook* book_;
        PaymentHash id_;
    };

    explicit SessionBook(Clock clock) : clock_(std::move(clock)) {}

    // One that is known already stays as it is.
    void add(const PaymentHash& id, Terms terms);
    // What is deposited in all, once `payment` is among it: deposits only grow.
    void set_deposit(const PaymentHash& id, Msat deposit, const PaymentHash& payment);

    [[nodiscard]] std::variant<Visit, Refusal> enter(const PaymentHash& id, std::string_view scope);
    [[nodiscard]] std::optional<Msat> deposit(const PaymentHash& id) const;
    [[nodiscard]] std::optional<State> state(const PaymentHash& id) const;

    [[nodiscard]] bool is_open(const PaymentHash& id) const { return state(id) == State::open; }

    // False where it is not open.
    bool begin_close(const PaymentHash& id);
    // How many have begun to close; grows with each.
    [[nodiscard]] std::uint64_t closings() const { return closings_.load(std::memory_order_relaxed); }
    [[nodiscard]] bool in_use(const PaymentHash& id) const;
    void closed(const PaymentHash& id);
    void reopen(const PaymentHash& id);

    struct Sweep {
        std::vector<PaymentHash> idle;  // unused for as long as they may be: closing from now on
        std::vector<PaymentHash> used;  // since they were looked at last
    };
    // To be called every now and then.
    [[nodiscard]] Sweep sweep();
    // Open sessions of which a deposit is one of those asked for.
    [[nodiscard]] std::vector<PaymentHash> open_ones(const std::function<bool(const PaymentHash&)>& is_one) const;
    [[nodiscard]] std::size_t open_count() const;

    // Told when a visit of it has left, its deposit has grown, or its state is another (see Watchers).
    Watchers::Watch watch(const PaymentHash& id, std::function<void()> changed) {
        return watchers_.watch(id, std::move(changed));
    }
    // All who watch any of them are to look again.
    void tell_all() const { watchers_.tell_all(); }

  private:
    struct Entry {
        Terms terms;
        Time used;
        std::size_t visits = 0;
    };
    void leave(const PaymentHash& id);
    Sweep look_for_idle();

    Clock clock_;
    mutable std::mutex mutex_;
    std::unordered_map<PaymentHash, Entry> entries_;
    std::multimap<Time, PaymentHash> due_;  // when each open one is looked at next: not before it can be idle
    std::size_t open_ = 0;
    std::atomic<std::uint64_t> closings_{0};
    Watchers watchers_;  // told without the lock
};

}  // namespace millrace::paywall
