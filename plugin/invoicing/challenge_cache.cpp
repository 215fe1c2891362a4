#include "plugin/invoicing/challenge_cache.hpp"

#include <utility>

namespace millrace::invoicing {

void ChallengeCache::remember(const PaymentHash& hash, std::string bolt11) {
    if (!invoices_.insert_or_assign(hash, std::move(bolt11)).second) return;
    by_age_.push_back(hash);
    if (by_age_.size() > capacity_) {
        invoices_.erase(by_age_.front());
        by_age_.pop_front();
    }
}

const std::string* ChallengeCache::find(const PaymentHash& hash) const {
    const auto found = invoices_.find(hash);
    return found == invoices_.end() ? nullptr : &found->second;
}

}  // namespace millrace::invoicing
