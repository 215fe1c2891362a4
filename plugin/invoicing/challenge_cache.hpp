// The invoices of recent challenges, so that a paid one is stored with the very bolt11 and description that the payer saw.
// Only a nicety: an invoice that is not (or no longer) here is rebuilt from its payment_secret. Hence it is bounded, forgets
// the oldest first, and is lost with the process.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include "common/ids/ids.hpp"

namespace millrace::invoicing {

class ChallengeCache {
  public:
    explicit ChallengeCache(std::size_t capacity = 16 * 1024) : capacity_(capacity) {}

    // Replaces what was there for this hash.
    void remember(const PaymentHash& hash, std::string bolt11);

    [[nodiscard]] const std::string* find(const PaymentHash& hash) const;

    [[nodiscard]] std::size_t size() const { return invoices_.size(); }

  private:
    std::size_t capacity_;
    std::unordered_map<PaymentHash, std::string> invoices_;
    std::deque<PaymentHash> by_age_;
};

}  // namespace millrace::invoicing
