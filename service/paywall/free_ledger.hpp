// How much of a service's free allowance each network prefix has used, and what requests under way have set aside.
//
//   auto reserved = ledger.reserve("weather", prefix, allowance, now);      // or why not
//   ... store.record_free_uses(reserved->record()) ...                       // on disk before the response
//   reserved->commit();                                                      // else its end releases it
//
// used + set aside never exceeds the allowance within a window. Bounded: a service remembers `max_prefixes` at a time;
// beyond them nobody new is served for nothing until a window ends. A window begins with its prefix's first request
// and is over when `per` has passed, or when a clock that was set back leaves it ahead by more than that.
// May be used from any thread. A reservation belongs to one thread, and the ledger outlives it.
#pragma once

#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <variant>

#include "service/config/config.hpp"
#include "service/paywall/free_use.hpp"

namespace millrace::paywall {

// Why a request is not served for nothing.
enum class FreeRefusal {
    used_up = 1,  // by its prefix, in this window
    full,         // too many prefixes are remembered
};

class FreeReservation;

class FreeLedger {
  public:
    using Time = std::chrono::sys_seconds;

    explicit FreeLedger(const SecretKey& key) : key_(key) {}

    [[nodiscard]] std::variant<FreeReservation, FreeRefusal> reserve(const std::string& service, limits::Prefix prefix,
                                                                     const config::FreeAllowance& allowance, Time now);
    // What the prefix could still have now.
    [[nodiscard]] std::uint64_t left(const std::string& service, limits::Prefix prefix,
                                     const config::FreeAllowance& allowance, Time now) const;
    // What is on disk: to be told once, at the start.
    void load(const FreeUses& uses);

    // Prefixes that are remembered of a service.
    [[nodiscard]] std::size_t size(const std::string& service) const;

  private:
    friend class FreeReservation;

    struct Account {
        Time start;
        std::uint64_t used = 0;
        std::uint64_t reserved = 0;
        std::list<PrefixTag>::iterator order;
    };
    struct Book {
        std::unordered_map<PrefixTag, Account> accounts;
        std::list<PrefixTag> order;  // by the beginning of the window, as far as the clock went forward
    };

    [[nodiscard]] static bool is_over(Time start, std::chrono::seconds per, Time now);
    static void forget_over(Book& book, std::chrono::seconds per, Time now);
    void finish(const FreeUses& uses, bool committed);

    SecretKey key_;
    mutable std::mutex mutex_;
    std::map<std::string, Book, std::less<>> books_;
};

// One request that is to be served for nothing.
class FreeReservation {
  public:
    FreeReservation(FreeReservation&& other) noexcept;
    FreeReservation& operator=(FreeReservation&&) = delete;
    ~FreeReservation();  // releases it unless it was committed

    [[nodiscard]] const FreeUses& record() const { return record_; }
    [[nodiscard]] std::uint64_t left() const { return left_; }  // for further requests, when this one was set aside
    void commit();

  private:
    friend class FreeLedger;
    FreeReservation(FreeLedger& ledger, FreeUses record, std::uint64_t left)
        : ledger_(&ledger), record_(std::move(record)), left_(left) {}

    FreeLedger* ledger_;
    FreeUses record_;
    std::uint64_t left_;
};

}  // namespace millrace::paywall
