#include "service/paywall/ledger.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace millrace::paywall {
namespace {

constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

std::uint64_t rest(std::uint64_t limit, std::uint64_t used, std::uint64_t reserved) {
    std::uint64_t gone = used > no_limit - reserved ? no_limit : used + reserved;
    return limit > gone ? limit - gone : 0;
}

void take(Usage& from, const Usage& less) {
    from.uses -= std::min(from.uses, less.uses);
    from.bytes -= std::min(from.bytes, less.bytes);
    from.spent_msat -= std::min(from.spent_msat, less.spent_msat);
}

}  // namespace

Usage Account::left(const config::Quota& quota) const {
    if (closed_) return {};
    return {rest(quota.uses.value_or(no_limit), used_.uses, reserved_.uses),
            rest(quota.bytes.value_or(no_limit), used_.bytes, reserved_.bytes),
            rest(quota.credit ? quota.credit->value() : no_limit, used_.spent_msat, reserved_.spent_msat + overdrawn_)};
}

std::optional<Shortage> Account::reserve(const config::Quota& quota, const Usage& ask) {
    Usage most = left(quota);
    if (ask.uses > most.uses) return Shortage::uses;
    if (ask.bytes > most.bytes) return Shortage::bytes;
    if (ask.spent_msat > most.spent_msat) return Shortage::balance;
    reserved_ += ask;
    return std::nullopt;
}

void Account::release(const Usage& reserved) {
    take(reserved_, reserved);
}

void Account::commit(const Usage& reserved) {
    take(reserved_, reserved);
    used_ += reserved;
}

bool Account::commit_ahead(const Usage& reserved, std::uint64_t most) {
    if (ahead_ > most || reserved.uses > most - ahead_) return false;
    commit(reserved);
    ahead_ += reserved.uses;
    return true;
}

void Account::recorded(std::uint64_t uses) {
    ahead_ -= std::min(ahead_, uses);
}

void Account::use(const Usage& more) {
    used_ += more;
}

void Account::give_back(const Usage& unused) {
    take(used_, unused);
}

void Account::forget_used() {
    if (reserved_ == Usage{}) used_ = {};
}

Account::Draw Account::draw(const config::Quota& quota, std::uint64_t msat) {
    Draw out;
    out.there = std::min(msat, left(quota).spent_msat);
    reserved_ += Usage{0, 0, out.there};
    if (!closed_) out.owed = msat - out.there;
    overdrawn_ += out.owed;
    return out;
}

void Account::forgive(std::uint64_t owed) {
    overdrawn_ -= std::min(overdrawn_, owed);
}

// Runs `make` on the account with its lock held; an account that holds nothing afterwards is dropped.
template <class Change>
auto Ledger::change(const PaymentHash& hash, Change make) {
    Shard& shard = shards_[hash.view()[0] % shard_count];
    std::lock_guard lock(shard.mutex);
    auto place = shard.accounts.try_emplace(hash).first;
    auto out = make(place->second);
    if (place->second.blank()) shard.accounts.erase(place);
    return out;
}

// A change by which more is left.
template <class Change>
void Ledger::come_back(const PaymentHash& hash, Change make) {
    change(hash, [&](Account& account) {
        make(account);
        return true;
    });
    watchers_.tell(hash);
}

std::variant<Reservation, Shortage> Ledger::reserve(const PaymentHash& hash, const config::Quota& quota,
                                                    const Usage& ask, std::optional<std::uint64_t> held_msat) {
    Usage pending = ask;
    auto shortage = change(hash, [&](Account& account) -> std::optional<Shortage> {
        const Usage left = account.left(quota);
        if (quota.bytes && left.bytes == 0) return Shortage::bytes;
        if (quota.credit && account.overdrawn() && left.spent_msat == 0) return Shortage::balance;
        pending.bytes = std::min(ask.bytes, left.bytes);
        return account.reserve(quota, {ask.uses, pending.bytes, ask.spent_msat + held_msat.value_or(0)});
    });
    if (shortage) return *shortage;
    return Reservation(*this, hash, quota, pending, held_msat);
}

void Ledger::use(const PaymentHash& hash, const Usage& used) {
    change(hash, [&](Account& account) {
        account.use(used);
        return true;
    });
}

void Ledger::recorded(const PaymentHash& hash, std::uint64_t uses) {
    change(hash, [&](Account& account) {
        account.recorded(uses);
        return true;
    });
}

void Ledger::forget(const PaymentHash& hash) {
    come_back(hash, [](Account& account) { account.forget_used(); });
}

Usage Ledger::used(const PaymentHash& hash) const {
    const Shard& shard = shards_[hash.view()[0] % shard_count];
    std::lock_guard lock(shard.mutex);
    auto place = shard.accounts.find(hash);
    return place == shard.accounts.end() ? Usage{} : place->second.used();
}

std::uint64_t Ledger::ahead(const PaymentHash& hash) const {
    const Shard& shard = shards_[hash.view()[0] % shard_count];
    std::lock_guard lock(shard.mutex);
    auto place = shard.accounts.find(hash);
    return place == shard.accounts.end() ? 0 : place->second.ahead();
}

Usage Ledger::close(const PaymentHash& hash) {
    return change(hash, [](Account& account) {
        account.set_closed(true);
        Usage out = account.used();
        out += account.reserved();
        return out;
    });
}

void Ledger::reopen(const PaymentHash& hash) {
    come_back(hash, [](Account& account) { account.set_closed(false); });
}

Reservation::Reservation(Reservation&& other) noexcept
    : ledger_(std::exchange(other.ledger_, nullptr)),
      hash_(other.hash_),
      quota_(other.quota_),
      pending_(std::exchange(other.pending_, {})),
      held_(std::exchange(other.held_, 0)),
      owed_(std::exchange(other.owed_, 0)),
      debt_(std::exchange(other.debt_, 0)),
      capped_(other.capped_) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
    if (this == &other) return *this;
    release();
    ledger_ = std::exchange(other.ledger_, nullptr);
    hash_ = other.hash_;
    quota_ = other.quota_;
    pending_ = std::exchange(other.pending_, {});
    held_ = std::exchange(other.held_, 0);
    owed_ = std::exchange(other.owed_, 0);
    debt_ = std::exchange(other.debt_, 0);
    capped_ = other.capped_;
    return *this;
}

Reservation::~Reservation() {
    release();
}

void Reservation::release() {
    if (!ledger_) return;
    release_held();
    if (pending_ == Usage{} && owed_ == 0) return;
    ledger_->come_back(hash_, [this](Account& account) {
        account.release(pending_);
        account.forgive(owed_);
    });
    pending_ = {};
    owed_ = 0;
}

void Reservation::release_held() {
    if (held_ == 0) return;
    ledger_->come_back(hash_, [this](Account& account) { account.release({0, 0, held_}); });
    held_ = 0;
}

bool Reservation::set_bytes(std::uint64_t bytes) {
    const bool enough = ledger_->change(hash_, [&](Account& account) {
        if (bytes > pending_.bytes) return !account.reserve(quota_, Usage{0, bytes - pending_.bytes, 0});
        account.release(Usage{0, pending_.bytes - bytes, 0});
        return true;
    });
    if (enough) pending_.bytes = bytes;
    return enough;
}

std::uint64_t Reservation::raise_bytes(std::uint64_t to) {
    if (to > pending_.bytes) (void)add_bytes_up_to(to - pending_.bytes);
    return pending_.bytes;
}

bool Reservation::add_msat(std::uint64_t msat) {
    const bool enough = ledger_->change(hash_, [&](Account& account) {
        return !account.reserve(quota_, Usage{0, 0, msat});
    });
    if (enough) pending_.spent_msat += msat;
    return enough;
}

void Reservation::take_back_msat(std::uint64_t msat) {
    const Usage spared{0, 0, std::min(msat, pending_.spent_msat)};
    pending_.spent_msat -= spared.spent_msat;
    ledger_->come_back(hash_, [&](Account& account) { account.release(spared); });
}

std::uint64_t Reservation::add_bytes_up_to(std::uint64_t most) {
    std::uint64_t bytes = ledger_->change(hash_, [&](Account& account) {
        std::uint64_t some = std::min(most, account.left(quota_).bytes);
        return account.reserve(quota_, Usage{0, some, 0}) ? 0 : some;
    });
    pending_.bytes += bytes;
    return bytes;
}

Reservation::Drawn Reservation::draw(std::uint64_t msat) {
    Drawn out;
    if (capped_) {
        out.msat = std::min(msat, held_);
        held_ -= out.msat;
    } else {
        const Account::Draw drawn =
            ledger_->change(hash_, [&](Account& account) { return account.draw(quota_, msat); });
        out.msat = drawn.there;
        owed_ += drawn.owed;
    }
    out.all = out.msat == msat;
    pending_.spent_msat += out.msat;
    return out;
}

bool Reservation::settle(std::uint64_t cost_msat, bool may_follow) {
    if (cost_msat > pending_.spent_msat) return draw(cost_msat - pending_.spent_msat).all;
    const std::uint64_t spared = pending_.spent_msat - cost_msat;
    if (capped_ && may_follow) {
        pending_.spent_msat -= spared;
        held_ += spared;
    } else {
        take_back_msat(spared);
    }
    return true;
}

void Reservation::commit() {
    ledger_->change(hash_, [this](Account& account) {
        account.commit(pending_);
        return true;
    });
    pending_ = {};
    debt_ += std::exchange(owed_, 0);
}

void Reservation::forgive_debt() {
    if (debt_ == 0) return;
    ledger_->come_back(hash_, [this](Account& account) { account.forgive(debt_); });
    debt_ = 0;
}

std::optional<Reservation::Ahead> Reservation::commit_ahead(std::uint64_t most) {
    const std::uint64_t ahead = ledger_->change(hash_, [&](Account& account) -> std::uint64_t {
        return account.commit_ahead(pending_, most) ? account.ahead() : 0;
    });
    if (ahead == 0) return std::nullopt;
    pending_ = {};
    return Ahead{ahead >= most - most / 2};
}

void Reservation::give_back(const Usage& unused) {
    ledger_->come_back(hash_, [&](Account& account) { account.give_back(unused); });
}

Usage Reservation::left() const {
    return ledger_->change(hash_, [this](Account& account) { return account.left(quota_); });
}

}  // namespace millrace::paywall
