// The accounts of tokens that buy more than time: what each has used, and what requests under way have set aside.
//
//   auto reserved = ledger.reserve(payment_hash, quota, {.uses = 1});      // or why not: what is exhausted
//   ... store.record_usage(reserved->pending()) ...                        // on disk before the response
//   reserved->commit();                                                    // else its end releases what is pending
//
// used + set aside never exceeds the quota, whatever the order of events; a quota that shrinks by a new configuration
// leaves nothing rather than less than nothing. Amounts without a limit are not counted: nobody asks for them.
//
// Uses may run ahead of the disk, as many as the service leases (config/durability):
//
//   if (auto ahead = reserved->commit_ahead(most))                         // empty: it must be on disk first, as above
//       store.record_answered(...);                                        // ledger.recorded() once they are on disk
//
// Those that are ahead are used like any other; never more than `most` of a token are at a time.
//
// A request whose cost is told afterwards has its price pending, and holds what it may cost beyond that. One that cost
// more than there is overdraws its balance: until that much has come back, nothing is left for others.
// May be used from any thread. A reservation belongs to one thread, and the ledger outlives it, and its watches.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <variant>

#include "common/ids/ids.hpp"
#include "service/config/config.hpp"
#include "service/paywall/usage.hpp"
#include "service/paywall/watchers.hpp"

namespace millrace::paywall {

// Of what there is not enough.
enum class Shortage { uses = 1, bytes, balance };

// One token's account. Pure.
class Account {
  public:
    // What can still be asked for; the largest number where there is no limit.
    [[nodiscard]] Usage left(const config::Quota& quota) const;

    // Sets `ask` aside, all of it or nothing.
    [[nodiscard]] std::optional<Shortage> reserve(const config::Quota& quota, const Usage& ask);
    void release(const Usage& reserved);
    void commit(const Usage& reserved);  // what was set aside is used
    // Likewise, before it is on disk. False: more than `most` uses would be ahead of it, and nothing changes.
    [[nodiscard]] bool commit_ahead(const Usage& reserved, std::uint64_t most);
    void recorded(std::uint64_t uses);  // that were ahead
    void use(const Usage& more);
    void give_back(const Usage& unused);  // was used, as far as anybody knew
    void forget_used();
    // Sets `msat` of the balance aside, or what is left, which overdraws it by the rest.
    struct Draw {
        std::uint64_t there = 0;  // set aside
        std::uint64_t owed = 0;   // by which it is overdrawn
    };
    Draw draw(const config::Quota& quota, std::uint64_t msat);
    void forgive(std::uint64_t owed);  // what it was for came to nothing
    // Nothing more can be set aside, until it is opened again.
    void set_closed(bool closed) { closed_ = closed; }

    [[nodiscard]] const Usage& used() const { return used_; }
    [[nodiscard]] const Usage& reserved() const { return reserved_; }
    [[nodiscard]] std::uint64_t ahead() const { return ahead_; }
    [[nodiscard]] bool overdrawn() const { return overdrawn_ > 0; }
    [[nodiscard]] bool blank() const {
        return !closed_ && overdrawn_ == 0 && ahead_ == 0 && used_ == Usage{} && reserved_ == Usage{};
    }

  private:
    Usage used_;
    Usage reserved_;
    std::uint64_t overdrawn_ = 0;  // msat
    std::uint64_t ahead_ = 0;      // uses, of used_, that are not on disk yet
    bool closed_ = false;
};

class Reservation;

class Ledger {
  public:
    // Of bytes, as many of those asked for as are left; of the rest all, or it refuses. `held_msat`: what the request
    // may cost beyond what it asks for, and no more; empty: that is not known. Also refuses where not a single byte is
    // left of a quota of bytes, though the size of the response is not known, and where the balance is overdrawn.
    [[nodiscard]] std::variant<Reservation, Shortage> reserve(const PaymentHash& hash, const config::Quota& quota,
                                                              const Usage& ask,
                                                              std::optional<std::uint64_t> held_msat = {});
    // What is on disk and was not set aside here before: read at the start, or given back in vain.
    void use(const PaymentHash& hash, const Usage& used);

    // Uses that were committed ahead of the disk are on it.
    void recorded(const PaymentHash& hash, std::uint64_t uses);

    // Of a token that has ended; where requests of it are under way, it stays.
    void forget(const PaymentHash& hash);

    [[nodiscard]] Usage used(const PaymentHash& hash) const;
    [[nodiscard]] std::uint64_t ahead(const PaymentHash& hash) const;

    // Ends the account of a session that is being closed: from then on nothing more is set aside. Answers the most that
    // it can have used in the end, which is what it has and what requests under way have set aside.
    [[nodiscard]] Usage close(const PaymentHash& hash);
    void reopen(const PaymentHash& hash);  // it was not closed after all

    // Told when something of it comes back: more may be left than before (see Watchers).
    Watchers::Watch watch(const PaymentHash& hash, std::function<void()> changed) {
        return watchers_.watch(hash, std::move(changed));
    }

  private:
    friend class Reservation;
    static constexpr std::size_t shard_count = 64;

    struct Shard {
        mutable std::mutex mutex;
        std::unordered_map<PaymentHash, Account> accounts;
    };
    template <class Change>
    auto change(const PaymentHash& hash, Change make);
    template <class Change>
    void come_back(const PaymentHash& hash, Change make);

    std::array<Shard, shard_count> shards_;
    Watchers watchers_;  // told without a shard's lock
};

// What one request has set aside of its token.
class Reservation {
  public:
    Reservation(Reservation&& other) noexcept;
    Reservation& operator=(Reservation&& other) noexcept;
    ~Reservation();  // releases what is pending and what is held

    // Set aside and not committed yet.
    [[nodiscard]] const Usage& pending() const { return pending_; }
    // Set aside beside it, msat.
    [[nodiscard]] std::uint64_t held() const { return held_; }
    [[nodiscard]] const PaymentHash& hash() const { return hash_; }
    [[nodiscard]] const config::Quota& quota() const { return quota_; }

    // So many bytes pending in place of those that are; false: there are not enough, and it stays as it was.
    [[nodiscard]] bool set_bytes(std::uint64_t bytes);
    // Up to so many bytes pending, as far as there are; answers how many are.
    std::uint64_t raise_bytes(std::uint64_t to);
    // As many bytes more as are left, up to `most`; answers how many.
    [[nodiscard]] std::uint64_t add_bytes_up_to(std::uint64_t most);
    [[nodiscard]] bool add_msat(std::uint64_t msat);  // all or none
    void take_back_msat(std::uint64_t msat);          // of what is pending
    // Makes so much more pending: of what is held and no more than that, where the most is known; else of what is left,
    // and the rest overdraws the balance. What is held beyond it stays so.
    struct Drawn {
        std::uint64_t msat = 0;
        bool all = true;
    };
    Drawn draw(std::uint64_t msat);
    // The true cost in place of the price that is pending; likewise. What is spared comes back, or is held where the
    // most is known and another cost may follow. False: it was not covered.
    bool settle(std::uint64_t cost_msat, bool may_follow = false);
    void release_held();

    void commit();
    // It cost less than was said when it overdrew the balance: it has not, then.
    void forgive_debt();
    // What is pending is used before it is on disk. Empty: more than `most` uses of the token would be ahead of it, and it
    // stays pending.
    struct Ahead {
        bool hurry = false;  // half of `most` are ahead: the disk should catch up before others have to wait
    };
    [[nodiscard]] std::optional<Ahead> commit_ahead(std::uint64_t most);
    void give_back(const Usage& unused);
    // The balance has grown: a session was topped up.
    void raise_credit(Msat credit) { quota_.credit = credit; }

    // Of the token now, for everybody.
    [[nodiscard]] Usage left() const;

  private:
    friend class Ledger;
    Reservation(Ledger& ledger, const PaymentHash& hash, const config::Quota& quota, const Usage& pending,
                std::optional<std::uint64_t> held)
        : ledger_(&ledger),
          hash_(hash),
          quota_(quota),
          pending_(pending),
          held_(held.value_or(0)),
          capped_(held.has_value()) {}
    void release();

    Ledger* ledger_;
    PaymentHash hash_;
    config::Quota quota_;
    Usage pending_;
    std::uint64_t held_ = 0;
    std::uint64_t owed_ = 0;  // by which what is pending has overdrawn the balance
    std::uint64_t debt_ = 0;  // the same of what was committed
    bool capped_ = false;     // the request draws no more than what was held
};

}  // namespace millrace::paywall
