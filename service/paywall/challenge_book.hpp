// The challenges that are open: issued, not paid, not expired. Whoever asks again for the same thing from the same
// network gets the one that is still fresh, so that a flood costs the node no more than a few signatures.
//
//   key := network prefix, seller, price, route, description, deposit
//   ask -> Fresh       a challenge to hand out again
//        | Join        one is being issued: told when it is there
//        | Issue       the caller issues one, and then calls issued() or failed()
//        | Refused     too many are open, of this prefix or in all
//
// Not thread-safe; knows no clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "common/gateway/messages.hpp"
#include "service/limits/network.hpp"

namespace millrace::paywall {

struct ChallengeKey {
    limits::Prefix prefix;
    std::string seller;
    std::uint64_t price_msat = 0;
    std::string route;
    std::string description;
    bool deposit = false;  // of a session: an invoice without a token
    bool operator==(const ChallengeKey&) const = default;
};

struct ChallengeKeyHash {
    std::size_t operator()(const ChallengeKey& key) const noexcept;
};

class ChallengeBook {
  public:
    using Time = std::chrono::system_clock::time_point;
    using Challenge = std::shared_ptr<const gateway::IssuedChallenge>;

    // What an asker is told in the end.
    struct Outcome {
        Challenge challenge;         // null where there is none
        bool reused = false;         // somebody was given it before
        std::optional<Error> error;  // why there is none
        std::chrono::seconds retry_after{1};
    };
    using Waiter = std::function<void(const Outcome&)>;

    struct Bounds {
        std::size_t per_prefix = 100;
        std::size_t in_all = 100'000;
    };
    enum class Refusal { prefix_full, book_full };
    struct Fresh {
        Challenge challenge;
    };
    struct Join {};
    struct Issue {};
    using Answer = std::variant<Fresh, Join, Issue, Refusal>;

    explicit ChallengeBook(Bounds bounds) : bounds_(bounds) {}

    // `waiter` is kept where the answer is Join or Issue, and called by issued() or failed().
    [[nodiscard]] Answer ask(const ChallengeKey& key, Time now, Waiter waiter);

    // The challenge that ask() asked for. Answers whom to tell.
    [[nodiscard]] std::vector<Waiter> issued(const ChallengeKey& key, const Challenge& challenge, Time now);
    [[nodiscard]] std::vector<Waiter> failed(const ChallengeKey& key);

    // It is paid: nobody else gets it.
    void paid(const PaymentHash& hash);
    // The keys have changed: none that was issued before is handed out again.
    void forget_issued();
    void set_bounds(Bounds bounds) { bounds_ = bounds; }

    [[nodiscard]] std::size_t size() const { return entries_.size(); }

  private:
    struct Entry {
        Challenge challenge;  // null while it is being issued
        Time fresh_until;     // handed out again until then: half of its life
        std::vector<Waiter> waiters;
        std::list<ChallengeKey>::iterator order;
        bool ordered = false;
    };
    using Entries = std::unordered_map<ChallengeKey, Entry, ChallengeKeyHash>;

    void forget_stale(Time now);
    void erase(Entries::iterator entry);

    Bounds bounds_;
    Entries entries_;
    std::list<ChallengeKey> order_;  // by time of issue
    std::unordered_map<limits::Prefix, std::size_t> of_prefix_;
    std::unordered_map<PaymentHash, ChallengeKey> by_hash_;
};

}  // namespace millrace::paywall
