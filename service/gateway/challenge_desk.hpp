// Where sessions ask for challenges: issues one for each buyer within limits, hands out open ones again beyond them,
// and keeps some signed ahead of what is in demand. All of it stands in front of the node, which sees no more than
// `challenges.in_all` asks for.
//
//   closed?  -> unrecordable, unavailable: no invoice that is kept anywhere may leave the service
//   own      -> the connection's own once more
//   reserve  -> room in the book, a token of the network's rate, one signed ahead or a token of the rate of all
//               -> issue; what comes to nothing is given back
//   beyond   -> the network's oldest open one, one that is under way, or limited
//
// May be used from any thread; answers come on whichever.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "service/config/config.hpp"
#include "service/gateway/client.hpp"
#include "service/limits/rate_limiter.hpp"
#include "service/paywall/challenge_book.hpp"

namespace millrace::gateway {

class ChallengeDesk {
  public:
    using Outcome = paywall::ChallengeBook::Outcome;
    using Done = paywall::ChallengeBook::Waiter;
    using Connection = paywall::ChallengeBook::Connection;

    struct Demand {
        limits::Prefix prefix;
        IssueRequest request;
        std::string route;  // tokens of different routes are different things
        // May be given to others of the same network, where that has all it may have. A pay page's is its browser's
        // alone.
        bool shared = true;
        bool worked = false;        // for it: the limits were what it was worked for
        Connection connection = 0;  // which gets its own once more; 0: of many clients
    };

    explicit ChallengeDesk(Client& client) : client_(client), book_({}) {}

    void configure(const config::Challenges& settings);

    // Calls `done` once. Errors: those of Client::issue, limited, and unrecordable.
    void ask(Demand demand, Done done);

    // Why nothing can be sold now, and no invoice of before can be paid: unrecordable or unavailable. Any thread.
    [[nodiscard]] std::optional<Outcome> closed() const;

    // A number for a connection that has none yet. Any thread.
    [[nodiscard]] Connection next_connection() { return connections_.fetch_add(1, std::memory_order_relaxed); }

    // The node's network: see Client::network().
    [[nodiscard]] std::optional<payment::Network> network() const { return client_.network(); }

    void paid(const PaymentHash& hash);
    // Hands out nothing again that it holds: the keys have changed, or the clock has jumped.
    void forget();

  private:
    using Clock = limits::Clock;
    using Time = paywall::ChallengeBook::Time;
    using Challenge = paywall::ChallengeBook::Challenge;
    using Place = paywall::ChallengeBook::Place;

    // What is signed ahead: one thing that is in demand.
    struct Pool {
        std::deque<Challenge> ready;
        std::size_t coming = 0;
        unsigned asked = 0;  // since `since`
        Clock::time_point since{};
        std::chrono::seconds life{0};  // of the last one, when it was new
    };

    // One demand, and what it has taken.
    struct Order {
        paywall::ChallengeKey key;
        bool kept = false;  // in the book
        Done done;
        std::optional<Place> place;             // in the book
        std::optional<limits::Rate> of_prefix;  // a token of it
        std::optional<limits::Rate> of_all;
        std::uint64_t generation = 0;
    };

    // Under the lock:
    std::optional<Outcome> reserve(const Demand& demand, Order& order, Clock::time_point now, Challenge& ready);
    void give_back(const Order& order);
    [[nodiscard]] bool is_taken(const Challenge& challenge) const;
    Challenge find_own(const Order& order, Connection connection, Time now);
    Challenge find_oldest(const Order& order, Time now);
    Challenge take_ready(const std::string& name, Clock::time_point now);
    void fill(const std::string& name, const IssueRequest& request, Clock::time_point now);

    void finish(Order order, Outcome outcome);
    void issue(IssueRequest request, std::function<void(Outcome)> done);
    void filled(const std::string& name, std::uint64_t generation, const Outcome& outcome);

    Client& client_;
    std::atomic<Connection> connections_{1};
    std::mutex mutex_;
    config::Challenges settings_;
    paywall::ChallengeBook book_;
    std::unordered_map<std::string, Pool> pools_;
    std::uint64_t generation_ = 0;  // counts what makes everything that is held worthless
    limits::Cell in_all_;
    limits::RateLimiter<limits::Prefix> per_prefix_;
};

}  // namespace millrace::gateway
