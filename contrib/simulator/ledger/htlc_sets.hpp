// The parts of one payment that have arrived and wait for the rest (BOLT 4 basic_mpp), by payment hash. Memory only:
// after a restart the parts are offered to the node again and gather anew.
#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"
#include "contrib/simulator/network/channel.hpp"

namespace millrace::sim {

// lightningd gives the rest of a payment this long, counted from the first part.
constexpr Duration mpp_timeout = std::chrono::seconds(70);

struct HtlcSet {
    Msat total;
    Msat so_far;
    std::vector<HtlcRef> parts;
    std::uint64_t generation = 0;  // tells a set from a later one with the same hash

    [[nodiscard]] bool complete() const { return so_far >= total; }
};

class HtlcSets {
  public:
    enum class Added { first, more, other_total };

    // A part whose total differs from the set's changes nothing: the caller fails part and set.
    Added add(const PaymentHash& hash, HtlcRef part, Msat amount, Msat total) {
        auto [found, fresh] = sets_.try_emplace(hash);
        HtlcSet& set = found->second;
        if (fresh) {
            set.total = total;
            set.generation = ++generation_;
        } else if (set.total != total) {
            return Added::other_total;
        }
        set.so_far = Msat(set.so_far.value() + amount.value());
        set.parts.push_back(part);
        return fresh ? Added::first : Added::more;
    }

    [[nodiscard]] const HtlcSet* find(const PaymentHash& hash) const {
        const auto found = sets_.find(hash);
        return found == sets_.end() ? nullptr : &found->second;
    }

    // Removes the set and answers it; empty where there is none.
    HtlcSet take(const PaymentHash& hash) {
        const auto found = sets_.find(hash);
        if (found == sets_.end()) return {};
        HtlcSet set = std::move(found->second);
        sets_.erase(found);
        return set;
    }

    void clear() { sets_.clear(); }

  private:
    std::unordered_map<PaymentHash, HtlcSet> sets_;
    std::uint64_t generation_ = 0;
};

}  // namespace millrace::sim
