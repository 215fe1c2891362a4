// A rate for each of many keys, from any thread. Bounded: two generations, the older of which is forgotten when the
// younger is full; a key that is forgotten begins anew with its whole count.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "service/limits/rate.hpp"

namespace millrace::limits {

template <class Key>
class RateLimiter {
  public:
    static constexpr std::size_t shard_count = 16;
    static constexpr std::size_t generation_size = 8192;  // keys of one shard

    // Takes one for `key`, or says how long until there is one.
    [[nodiscard]] std::optional<Clock::duration> take(const Key& key, const Rate& rate, Clock::time_point now) {
        Shard& shard = shards_[std::hash<Key>{}(key) % shard_count];
        std::lock_guard lock(shard.mutex);
        return shard.cell(key).take(rate, now);
    }

    // Gives back what take() took and nobody used.
    void put_back(const Key& key, const Rate& rate) {
        Shard& shard = shards_[std::hash<Key>{}(key) % shard_count];
        std::lock_guard lock(shard.mutex);
        shard.cell(key).put_back(rate);
    }

    [[nodiscard]] std::size_t size() const {
        std::size_t sum = 0;
        for (const Shard& shard : shards_) {
            std::lock_guard lock(shard.mutex);
            sum += shard.young.size() + shard.old.size();
        }
        return sum;
    }

  private:
    struct Shard {
        mutable std::mutex mutex;
        std::unordered_map<Key, Cell> young;
        std::unordered_map<Key, Cell> old;

        Cell& cell(const Key& key) {
            if (auto known = young.find(key); known != young.end()) return known->second;
            if (young.size() >= generation_size) {
                old = std::move(young);
                young = {};
            }
            auto [place, added] = young.try_emplace(key);
            if (auto before = old.find(key); before != old.end()) {
                place->second = before->second;
                old.erase(before);
            }
            return place->second;
        }
    };

    std::array<Shard, shard_count> shards_;
};

}  // namespace millrace::limits
