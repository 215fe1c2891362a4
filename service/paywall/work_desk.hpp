// Work that clients are given in place of a refusal, and what of it is honoured.
//
//   task    := macaroon V2, location "lsat", identifier 0000 || 00*32 || token_id[32], caveats
//                services=<service>:0
//                <service>_valid_until=<unix seconds>
//                <service>_work=<bits>,invoice|request
//   root key := HMAC-SHA256(the desk's key, identifier)
//   solution := one more caveat, last: see common/l402/work.hpp
//
// A task is stored nowhere, and is good for one service, one thing and a short time. The desk's key is drawn at each
// start, so that no task outlives the memory of those that were used; and no key of it is a token's, so that neither
// stands for the other. What was used is remembered until it would have expired.
// May be used from any thread.
#pragma once

#include <chrono>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_set>
#include <utility>

#include "common/ids/ids.hpp"
#include "common/macaroon/macaroon.hpp"
#include "service/config/config.hpp"

namespace millrace::paywall {

// How many bits are asked for where so many tasks were handed out lately: one more for each doubling of what would
// keep up with the solutions that are honoured.
constexpr std::chrono::seconds work_window{10};
[[nodiscard]] unsigned work_bits(const config::Work& settings, std::uint64_t tasks_in_window);

enum class WorkVerdict {
    good,
    refused,  // no solution of a task that was set here for this, or too late, or used before
    busy,     // a solution, but more are honoured only later: it stays good meanwhile
};

class WorkDesk {
  public:
    using Time = std::chrono::sys_seconds;
    static constexpr std::size_t max_spent = 100'000;

    explicit WorkDesk(const SecretKey& key) : key_(key) {}

    struct Task {
        std::string token_base64;
        unsigned bits;
    };
    [[nodiscard]] Task set(const config::Work& settings, const std::string& service, config::WorkBuys buys, Time now);

    // Uses a solution up. `tick`: the steady clock, for the rate of all solutions together.
    [[nodiscard]] WorkVerdict use(const config::Work& settings, const macaroon::Macaroon& solution,
                                  const std::string& service, config::WorkBuys buys, Time now,
                                  limits::Clock::time_point tick);
    // What the solution of this task was used for came to nothing: it stays good for as long as it would have been.
    void give_back(const config::Work& settings, const TokenId& task);

  private:
    void forget_expired(Time now);
    std::uint64_t count_task(Time now);

    SecretKey key_;
    std::mutex mutex_;
    limits::Cell honoured_;
    std::unordered_set<TokenId> spent_;
    std::deque<std::pair<Time, TokenId>> order_;  // until when each is remembered
    Time window_{};
    std::uint64_t tasks_ = 0;   // in the window
    std::uint64_t before_ = 0;  // in the one before
};

}  // namespace millrace::paywall
