#include "service/paywall/challenge_book.hpp"

namespace millrace::paywall {

std::size_t ChallengeKeyHash::operator()(const ChallengeKey& key) const noexcept {
    std::size_t hash = std::hash<limits::Prefix>{}(key.prefix);
    auto mix = [&hash](std::size_t more) { hash = hash * 1'099'511'628'211ULL ^ more; };
    mix(std::hash<std::string>{}(key.seller));
    mix(std::hash<std::uint64_t>{}(key.price_msat));
    mix(std::hash<std::string>{}(key.route));
    mix(std::hash<std::string>{}(key.description));
    mix(key.deposit ? 1U : 0U);
    return hash;
}

ChallengeBook::Sheet* ChallengeBook::find(const ChallengeKey& key) {
    auto sheet = sheets_.find(key);
    return sheet == sheets_.end() ? nullptr : &sheet->second;
}

ChallengeBook::Challenge ChallengeBook::own(const ChallengeKey& key, Connection connection, Time now) {
    forget_stale(now);
    const Sheet* sheet = connection == 0 ? nullptr : find(key);
    if (!sheet) return nullptr;
    auto place = sheet->own.find(connection);
    return place == sheet->own.end() ? nullptr : entries_.at(place->second).challenge;
}

std::optional<ChallengeBook::Full> ChallengeBook::room(const limits::Prefix& prefix, Time now) {
    forget_stale(now);
    auto open = of_prefix_.find(prefix);
    if (open != of_prefix_.end() && open->second >= bounds_.per_prefix) return Full::prefix;
    if (entries_.size() >= bounds_.in_all) return Full::book;
    return std::nullopt;
}

ChallengeBook::Place ChallengeBook::begin(const ChallengeKey& key, Connection connection) {
    auto sheet = sheets_.try_emplace(key).first;
    ++sheet->second.under_way;
    ++of_prefix_[key.prefix];
    entries_.emplace(next_, Entry{&*sheet, connection, nullptr, {}});
    return next_++;
}

std::vector<ChallengeBook::Waiter> ChallengeBook::issued(Place place, const Challenge& challenge, Time now) {
    Entry& entry = entries_.at(place);
    entry.challenge = challenge;
    entry.fresh_until = now + (Time(challenge->expires_at) - now) / 2;
    ends_.emplace(entry.fresh_until, place);
    by_hash_.insert_or_assign(challenge->payment_hash, place);
    Sheet& sheet = entry.sheet->second;
    --sheet.under_way;
    sheet.open.insert(place);
    if (entry.connection != 0) sheet.own.insert_or_assign(entry.connection, place);
    return std::exchange(sheet.waiters, {});
}

std::vector<ChallengeBook::Waiter> ChallengeBook::failed(Place place) {
    auto entry = entries_.find(place);
    Sheet& sheet = entry->second.sheet->second;
    std::vector<Waiter> out;
    if (--sheet.under_way == 0) out = std::exchange(sheet.waiters, {});
    erase(entry);
    return out;
}

ChallengeBook::Challenge ChallengeBook::oldest(const ChallengeKey& key, Time now) {
    forget_stale(now);
    const Sheet* sheet = find(key);
    if (!sheet || sheet->open.empty()) return nullptr;
    return entries_.at(*sheet->open.begin()).challenge;
}

bool ChallengeBook::join(const ChallengeKey& key, const Waiter& waiter) {
    Sheet* sheet = find(key);
    if (!sheet || sheet->under_way == 0) return false;
    sheet->waiters.push_back(waiter);
    return true;
}

void ChallengeBook::paid(const PaymentHash& hash) {
    auto place = by_hash_.find(hash);
    if (place != by_hash_.end()) erase(entries_.find(place->second));
}

void ChallengeBook::forget_issued() {
    while (!ends_.empty()) erase(entries_.find(ends_.begin()->second));
}

void ChallengeBook::forget_stale(Time now) {
    while (!ends_.empty() && ends_.begin()->first <= now) erase(entries_.find(ends_.begin()->second));
}

void ChallengeBook::erase(Entries::iterator entry) {
    const Place place = entry->first;
    const Entry& gone = entry->second;
    Sheets::value_type* sheet = gone.sheet;
    auto of_prefix = of_prefix_.find(sheet->first.prefix);
    if (--of_prefix->second == 0) of_prefix_.erase(of_prefix);
    if (gone.challenge) {
        by_hash_.erase(gone.challenge->payment_hash);
        ends_.erase({gone.fresh_until, place});
        sheet->second.open.erase(place);
        auto own = sheet->second.own.find(gone.connection);
        if (own != sheet->second.own.end() && own->second == place) sheet->second.own.erase(own);
    }
    if (sheet->second.open.empty() && sheet->second.under_way == 0) sheets_.erase(sheets_.find(sheet->first));
    entries_.erase(entry);
}

}  // namespace millrace::paywall
