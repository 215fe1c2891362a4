// All refunds of the node, by index, and what may still be promised. No I/O: the refunder keeps it in step with
// lightningd's datastore.
//
// The limit is a rolling one: whatever was paid in the 24 hours before now counts, and whatever is pending however old
// it is; fees count as well, those of a pending payment at the most that it may cost. So no day's border lets twice the
// limit pass.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <vector>

#include "plugin/refunds/refund.hpp"

namespace millrace::refunds {

// The operator's.
struct Limits {
    Msat daily;                     // 0: refunds are off
    Msat max_fee;                   // of one refund: this,
    std::uint32_t max_fee_ppm = 0;  // or this part of its amount, whichever is more
};

[[nodiscard]] Msat fee_limit(const Limits& limits, Msat amount);

constexpr std::chrono::hours limit_window{24};
constexpr std::size_t max_tries = 10;  // invoices that may fail for one deposit: each leaves a trace for good

class Ledger {
  public:
    // Adds it, or replaces the one with its index.
    void put(Refund refund);
    void remove(std::uint64_t index);

    [[nodiscard]] const Refund* find(std::uint64_t index) const;
    [[nodiscard]] const std::map<std::uint64_t, Refund>& all() const { return refunds_; }
    [[nodiscard]] std::uint64_t next_index() const { return refunds_.empty() ? 1 : refunds_.rbegin()->first + 1; }

    // A pending or complete one that has any of these deposits.
    [[nodiscard]] const Refund* holding(const std::vector<PaymentHash>& deposits) const;
    // The failed ones that have any of these deposits.
    [[nodiscard]] std::vector<const Refund*> failed(const std::vector<PaymentHash>& deposits) const;
    // One that tried to pay this invoice.
    [[nodiscard]] const Refund* paying(const PaymentHash& payment) const;

    [[nodiscard]] Msat used(std::chrono::sys_seconds now) const;

  private:
    void forget(const Refund& refund);

    std::map<std::uint64_t, Refund> refunds_;
    std::multimap<PaymentHash, std::uint64_t> by_deposit_;
    std::multimap<PaymentHash, std::uint64_t> by_payment_;
};

}  // namespace millrace::refunds
