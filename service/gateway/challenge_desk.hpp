// Where sessions ask for challenges: hands out open ones again, issues new ones within limits, and keeps some signed
// ahead of what is in demand. All of it stands in front of the node, which sees no more than `challenges.in_all` asks
// for.
//
// May be used from any thread; answers come on whichever.
#pragma once

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

    struct Demand {
        limits::Prefix prefix;
        IssueRequest request;
        std::string route;  // tokens of different routes are different things
        // May be given to others of the same network. A pay page's is its browser's alone, and a charge buys one
        // request.
        bool shared = true;
        bool worked = false;  // for it: the limits were what it was worked for
    };

    explicit ChallengeDesk(Client& client) : client_(client), book_({}) {}

    void configure(const config::Challenges& settings);

    // Calls `done` once. Errors: those of Client::issue, limited, and unrecordable.
    void ask(Demand demand, Done done);

    // The node's network: see Client::network().
    [[nodiscard]] std::optional<payment::Network> network() const { return client_.network(); }

    void paid(const PaymentHash& hash);
    // Hands out nothing again that it holds: the keys have changed, or the clock has jumped.
    void forget();

  private:
    using Clock = limits::Clock;
    using Time = paywall::ChallengeBook::Time;
    using Challenge = paywall::ChallengeBook::Challenge;

    // What is signed ahead: one thing that is in demand.
    struct Pool {
        std::deque<Challenge> ready;
        std::size_t coming = 0;
        unsigned asked = 0;  // since `since`
        Clock::time_point since{};
        std::chrono::seconds life{0};  // of the last one, when it was new
    };

    std::optional<Outcome> limit(const Demand& demand, Clock::time_point now);
    Challenge take_ready(const IssueRequest& request, Clock::time_point now);
    void issue(IssueRequest request, std::function<void(Outcome)> done);
    void fill(const std::string& name, const IssueRequest& request, Clock::time_point now);
    void filled(const std::string& name, std::uint64_t generation, const Outcome& outcome);

    Client& client_;
    std::mutex mutex_;
    config::Challenges settings_;
    paywall::ChallengeBook book_;
    std::unordered_map<std::string, Pool> pools_;
    std::uint64_t generation_ = 0;  // counts what makes the pools worthless
    limits::Cell in_all_;
    limits::RateLimiter<limits::Prefix> per_prefix_;
};

}  // namespace millrace::gateway
