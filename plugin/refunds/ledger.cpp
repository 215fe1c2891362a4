#include "plugin/refunds/ledger.hpp"

#include <algorithm>

namespace millrace::refunds {
namespace {

void erase_pair(std::multimap<PaymentHash, std::uint64_t>& index, const PaymentHash& hash, std::uint64_t value) {
    for (auto [at, end] = index.equal_range(hash); at != end; ++at) {
        if (at->second == value) {
            index.erase(at);
            return;
        }
    }
}

}  // namespace

Msat fee_limit(const Limits& limits, Msat amount) {
    constexpr std::uint64_t million = 1'000'000;
    // In two steps, so that no amount of bitcoin that exists makes it overflow.
    const std::uint64_t part =
        amount.value() / million * limits.max_fee_ppm + amount.value() % million * limits.max_fee_ppm / million;
    return std::max(limits.max_fee, Msat(part));
}

void Ledger::put(Refund refund) {
    remove(refund.index);
    for (const PaymentHash& deposit : refund.deposits) by_deposit_.emplace(deposit, refund.index);
    for (const PaymentHash& payment : refund.payments) by_payment_.emplace(payment, refund.index);
    const std::uint64_t index = refund.index;
    refunds_.emplace(index, std::move(refund));
}

void Ledger::remove(std::uint64_t index) {
    const auto found = refunds_.find(index);
    if (found == refunds_.end()) return;
    forget(found->second);
    refunds_.erase(found);
}

void Ledger::forget(const Refund& refund) {
    for (const PaymentHash& deposit : refund.deposits) erase_pair(by_deposit_, deposit, refund.index);
    for (const PaymentHash& payment : refund.payments) erase_pair(by_payment_, payment, refund.index);
}

const Refund* Ledger::find(std::uint64_t index) const {
    const auto found = refunds_.find(index);
    return found == refunds_.end() ? nullptr : &found->second;
}

const Refund* Ledger::holding(const std::vector<PaymentHash>& deposits) const {
    for (const PaymentHash& deposit : deposits) {
        for (auto [at, end] = by_deposit_.equal_range(deposit); at != end; ++at) {
            const Refund& refund = refunds_.at(at->second);
            if (refund.state != RefundState::failed) return &refund;
        }
    }
    return nullptr;
}

std::vector<const Refund*> Ledger::failed(const std::vector<PaymentHash>& deposits) const {
    std::vector<const Refund*> out;
    for (const PaymentHash& deposit : deposits) {
        for (auto [at, end] = by_deposit_.equal_range(deposit); at != end; ++at) {
            const Refund& refund = refunds_.at(at->second);
            const bool known = std::find(out.begin(), out.end(), &refund) != out.end();
            if (refund.state == RefundState::failed && !known) out.push_back(&refund);
        }
    }
    return out;
}

const Refund* Ledger::paying(const PaymentHash& payment) const {
    const auto found = by_payment_.find(payment);
    return found == by_payment_.end() ? nullptr : &refunds_.at(found->second);
}

Msat Ledger::used(std::chrono::sys_seconds now) const {
    Msat sum;
    for (const auto& [index, refund] : refunds_) {
        const bool counts = refund.state == RefundState::pending ||
                            (refund.state == RefundState::complete && refund.changed_at > now - limit_window);
        if (counts) sum = sum.plus(set_aside(refund)).value_or(Msat(UINT64_MAX));
    }
    return sum;
}

}  // namespace millrace::refunds
