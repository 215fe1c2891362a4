// Payment facts in memory, for many readers and one writer: a hash map in shards, each behind a lock of its own.
// About 100 bytes a payment.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "common/ids/ids.hpp"
#include "service/paywall/payment_facts.hpp"

namespace millrace::store {

class FactsMap {
  public:
    [[nodiscard]] paywall::PaymentFacts find(const PaymentHash& hash) const {
        const Shard& shard = shard_of(hash);
        std::shared_lock lock(shard.mutex);
        auto entry = shard.entries.find(hash);
        if (entry == shard.entries.end()) return {};
        paywall::PaymentFacts out{time_of(entry->second.settled_at), time_of(entry->second.first_used_at),
                                  entry->second.charged, entry->second.revoked};
        if (entry->second.granted) out.granted = shard.grants.at(hash);
        if (entry->second.amount != Msat(0)) out.amount = entry->second.amount;
        return out;
    }

    void set_granted(const PaymentHash& hash, std::chrono::sys_seconds at, const paywall::GrantTerms& terms) {
        Shard& shard = shard_of(hash);
        std::unique_lock lock(shard.mutex);
        shard.grants[hash] = terms;
        Entry& entry = shard.entries[hash];
        entry.granted = true;
        entry.settled_at = at.time_since_epoch().count();
    }

    void set_settled(const PaymentHash& hash, std::chrono::sys_seconds at, Msat amount) {
        Shard& shard = shard_of(hash);
        std::unique_lock lock(shard.mutex);
        Entry& entry = shard.entries[hash];
        entry.settled_at = at.time_since_epoch().count();
        entry.amount = amount;
    }

    void set_first_used(const PaymentHash& hash, std::chrono::sys_seconds at) {
        Shard& shard = shard_of(hash);
        std::unique_lock lock(shard.mutex);
        shard.entries[hash].first_used_at = at.time_since_epoch().count();
    }

    void set_charged(const PaymentHash& hash, bool charged) {
        Shard& shard = shard_of(hash);
        std::unique_lock lock(shard.mutex);
        shard.entries[hash].charged = charged;
    }

    void set_revoked(const PaymentHash& hash, bool revoked) {
        Shard& shard = shard_of(hash);
        std::unique_lock lock(shard.mutex);
        shard.entries[hash].revoked = revoked;
    }

  private:
    static constexpr std::size_t shard_count = 64;

    struct Entry {
        std::int64_t settled_at = 0;  // unix seconds; 0: not known
        std::int64_t first_used_at = 0;
        Msat amount;  // 0: not known
        bool charged = false;
        bool revoked = false;
        bool granted = false;
    };
    struct Shard {
        mutable std::shared_mutex mutex;
        std::unordered_map<PaymentHash, Entry> entries;
        std::unordered_map<PaymentHash, paywall::GrantTerms> grants;  // few: beside the entries, not in each
    };

    static std::optional<std::chrono::sys_seconds> time_of(std::int64_t seconds) {
        if (seconds == 0) return std::nullopt;
        return std::chrono::sys_seconds(std::chrono::seconds(seconds));
    }
    [[nodiscard]] const Shard& shard_of(const PaymentHash& hash) const { return shards_[hash.view()[0] % shard_count]; }
    [[nodiscard]] Shard& shard_of(const PaymentHash& hash) { return shards_[hash.view()[0] % shard_count]; }

    std::array<Shard, shard_count> shards_;
};

}  // namespace millrace::store
