#include "service/paywall/free_ledger.hpp"

#include <algorithm>
#include <utility>

#include "common/crypto/hash.hpp"

namespace millrace::paywall {

PrefixTag tag_of(const SecretKey& key, std::string_view service, limits::Prefix prefix) {
    std::string text(service);
    text.push_back('\0');
    for (unsigned shift = 64; shift > 0; shift -= 8)
        text.push_back(static_cast<char>(prefix.value >> (shift - 8) & 0xFFU));
    crypto::Digest digest = crypto::hmac_sha256(key.reveal(), as_bytes(text));
    return PrefixTag::from_bytes(ByteView(digest).subspan(0, PrefixTag::length)).value();
}

bool FreeLedger::is_over(Time start, std::chrono::seconds per, Time now) {
    return now >= start + per || start > now + per;
}

void FreeLedger::forget_over(Book& book, std::chrono::seconds per, Time now) {
    while (!book.order.empty()) {
        auto oldest = book.accounts.find(book.order.front());
        if (!is_over(oldest->second.start, per, now)) return;
        book.accounts.erase(oldest);
        book.order.pop_front();
    }
}

std::variant<FreeReservation, FreeRefusal> FreeLedger::reserve(const std::string& service, limits::Prefix prefix,
                                                               const config::FreeAllowance& allowance, Time now) {
    const PrefixTag tag = tag_of(key_, service, prefix);
    std::lock_guard lock(mutex_);
    Book& book = books_[service];
    forget_over(book, allowance.per, now);
    auto place = book.accounts.find(tag);
    // Behind one that a clock set back has left in front.
    if (place != book.accounts.end() && is_over(place->second.start, allowance.per, now)) {
        book.order.erase(place->second.order);
        book.accounts.erase(place);
        place = book.accounts.end();
    }
    if (place == book.accounts.end()) {
        if (book.accounts.size() >= allowance.max_prefixes) return FreeRefusal::full;
        place = book.accounts.emplace(tag, Account{now, 0, 0, book.order.insert(book.order.end(), tag)}).first;
    }
    Account& account = place->second;
    const std::uint64_t gone = account.used + account.reserved;
    if (gone >= allowance.requests) return FreeRefusal::used_up;
    ++account.reserved;
    FreeUses record{service, tag, account.start, account.start + allowance.per, 1};
    return FreeReservation(*this, std::move(record), allowance.requests - gone - 1);
}

std::uint64_t FreeLedger::left(const std::string& service, limits::Prefix prefix,
                               const config::FreeAllowance& allowance, Time now) const {
    const PrefixTag tag = tag_of(key_, service, prefix);
    std::lock_guard lock(mutex_);
    auto book = books_.find(service);
    if (book == books_.end()) return allowance.requests;
    auto place = book->second.accounts.find(tag);
    if (place != book->second.accounts.end() && !is_over(place->second.start, allowance.per, now)) {
        const std::uint64_t gone = place->second.used + place->second.reserved;
        return gone < allowance.requests ? allowance.requests - gone : 0;
    }
    const auto& accounts = book->second.accounts;
    const bool room = place != accounts.end() || accounts.size() < allowance.max_prefixes;
    const bool soon = !book->second.order.empty() &&
                      is_over(accounts.find(book->second.order.front())->second.start, allowance.per, now);
    return room || soon ? allowance.requests : 0;
}

void FreeLedger::load(const FreeUses& uses) {
    std::lock_guard lock(mutex_);
    Book& book = books_[uses.service];
    auto [place, added] = book.accounts.try_emplace(uses.prefix);
    if (added) {
        place->second.start = uses.started_at;
        place->second.order = book.order.insert(book.order.end(), uses.prefix);
    }
    place->second.used += uses.used;
}

std::size_t FreeLedger::size(const std::string& service) const {
    std::lock_guard lock(mutex_);
    auto book = books_.find(service);
    return book == books_.end() ? 0 : book->second.accounts.size();
}

// What belongs to a window that is over changes nothing.
void FreeLedger::finish(const FreeUses& uses, bool committed) {
    std::lock_guard lock(mutex_);
    Book& book = books_[uses.service];
    auto place = book.accounts.find(uses.prefix);
    if (place == book.accounts.end() || place->second.start != uses.started_at) return;
    Account& account = place->second;
    account.reserved -= std::min(account.reserved, uses.used);
    if (committed) account.used += uses.used;
    if (account.used > 0 || account.reserved > 0) return;
    book.order.erase(account.order);
    book.accounts.erase(place);
}

FreeReservation::FreeReservation(FreeReservation&& other) noexcept
    : ledger_(std::exchange(other.ledger_, nullptr)), record_(std::move(other.record_)), left_(other.left_) {}

FreeReservation::~FreeReservation() {
    if (ledger_) ledger_->finish(record_, false);
}

void FreeReservation::commit() {
    if (ledger_) ledger_->finish(record_, true);
    ledger_ = nullptr;
}

}  // namespace millrace::paywall
