#include "service/paywall/challenge_book.hpp"

#include <functional>
#include <utility>

namespace millrace::paywall {

std::size_t ChallengeKeyHash::operator()(const ChallengeKey& key) const noexcept {
    std::size_t hash = std::hash<limits::Prefix>{}(key.prefix);
    auto mix = [&hash](std::size_t more) { hash = hash * 1'099'511'628'211ULL ^ more; };
    mix(std::hash<std::string>{}(key.seller));
    mix(std::hash<std::uint64_t>{}(key.price_msat));
    mix(std::hash<std::string>{}(key.route));
    mix(std::hash<std::string>{}(key.description));
    return hash;
}

ChallengeBook::Answer ChallengeBook::ask(const ChallengeKey& key, Time now, Waiter waiter) {
    forget_stale(now);
    if (auto known = entries_.find(key); known != entries_.end()) {
        Entry& entry = known->second;
        if (!entry.challenge) {
            entry.waiters.push_back(std::move(waiter));
            return Join{};
        }
        if (now < entry.fresh_until) return Fresh{entry.challenge};
        erase(known);  // those of other lifetimes are not in the order of their ends
    }
    std::size_t& open = of_prefix_[key.prefix];
    if (open >= bounds_.per_prefix || entries_.size() >= bounds_.in_all) {
        bool prefix_full = open >= bounds_.per_prefix;
        if (open == 0) of_prefix_.erase(key.prefix);
        return prefix_full ? Refusal::prefix_full : Refusal::book_full;
    }
    ++open;
    entries_[key].waiters.push_back(std::move(waiter));
    return Issue{};
}

std::vector<ChallengeBook::Waiter> ChallengeBook::issued(const ChallengeKey& key, const Challenge& challenge,
                                                         Time now) {
    auto known = entries_.find(key);
    if (known == entries_.end()) return {};
    Entry& entry = known->second;
    entry.challenge = challenge;
    entry.fresh_until = now + (Time(challenge->expires_at) - now) / 2;
    entry.order = order_.insert(order_.end(), key);
    entry.ordered = true;
    by_hash_.insert_or_assign(challenge->payment_hash, key);
    return std::exchange(entry.waiters, {});
}

std::vector<ChallengeBook::Waiter> ChallengeBook::failed(const ChallengeKey& key) {
    auto known = entries_.find(key);
    if (known == entries_.end()) return {};
    std::vector<Waiter> waiters = std::exchange(known->second.waiters, {});
    erase(known);
    return waiters;
}

void ChallengeBook::paid(const PaymentHash& hash) {
    auto place = by_hash_.find(hash);
    if (place == by_hash_.end()) return;
    if (auto known = entries_.find(place->second); known != entries_.end()) erase(known);
}

void ChallengeBook::forget_issued() {
    while (!order_.empty()) erase(entries_.find(order_.front()));
}

void ChallengeBook::forget_stale(Time now) {
    while (!order_.empty()) {
        auto oldest = entries_.find(order_.front());
        if (oldest->second.fresh_until > now) break;
        erase(oldest);
    }
}

void ChallengeBook::erase(Entries::iterator entry) {
    auto open = of_prefix_.find(entry->first.prefix);
    if (--open->second == 0) of_prefix_.erase(open);
    if (entry->second.challenge) by_hash_.erase(entry->second.challenge->payment_hash);
    if (entry->second.ordered) order_.erase(entry->second.order);
    entries_.erase(entry);
}

}  // namespace millrace::paywall
