#include "service/paywall/session_book.hpp"

#include <algorithm>
#include <utility>

namespace millrace::paywall {

SessionBook::Visit& SessionBook::Visit::operator=(Visit&& other) noexcept {
    if (this == &other) return *this;
    leave();
    book_ = std::exchange(other.book_, nullptr);
    id_ = other.id_;
    return *this;
}

void SessionBook::Visit::leave() {
    if (book_) book_->leave(id_);
    book_ = nullptr;
}

void SessionBook::add(const PaymentHash& id, Terms terms) {
    const Time now = clock_();
    {
        std::lock_guard lock(mutex_);
        auto [place, is_new] = entries_.try_emplace(id, Entry{std::move(terms), now, 0});
        if (!is_new) return;
        if (place->second.terms.state == State::open) {
            ++open_;
            due_.emplace(now + place->second.terms.idle, id);
        }
    }
    watchers_.tell(id);
}

void SessionBook::set_deposit(const PaymentHash& id, Msat deposit, const PaymentHash& payment) {
    {
        std::lock_guard lock(mutex_);
        auto place = entries_.find(id);
        if (place == entries_.end()) return;
        Terms& terms = place->second.terms;
        const bool grows = deposit > terms.deposit;
        terms.deposit = std::max(terms.deposit, deposit);
        if (std::find(terms.deposits.begin(), terms.deposits.end(), payment) == terms.deposits.end())
            terms.deposits.push_back(payment);
        place->second.used = clock_();
        if (!grows) return;
    }
    watchers_.tell(id);
}

std::variant<SessionBook::Visit, SessionBook::Refusal> SessionBook::enter(const PaymentHash& id,
                                                                          std::string_view scope) {
    std::lock_guard lock(mutex_);
    auto place = entries_.find(id);
    if (place == entries_.end()) return Refusal::not_found;
    Entry& entry = place->second;
    if (entry.terms.scope != scope) return Refusal::wrong_scope;
    if (entry.terms.state != State::open) return Refusal::closed;
    ++entry.visits;
    entry.used = clock_();
    return Visit(*this, id);
}

void SessionBook::leave(const PaymentHash& id) {
    {
        std::lock_guard lock(mutex_);
        Entry& entry = entries_.at(id);
        --entry.visits;
        entry.used = clock_();
    }
    watchers_.tell(id);
}

std::optional<Msat> SessionBook::deposit(const PaymentHash& id) const {
    std::lock_guard lock(mutex_);
    auto place = entries_.find(id);
    if (place == entries_.end()) return std::nullopt;
    return place->second.terms.deposit;
}

std::optional<SessionBook::State> SessionBook::state(const PaymentHash& id) const {
    std::lock_guard lock(mutex_);
    auto place = entries_.find(id);
    if (place == entries_.end()) return std::nullopt;
    return place->second.terms.state;
}

bool SessionBook::begin_close(const PaymentHash& id) {
    {
        std::lock_guard lock(mutex_);
        auto place = entries_.find(id);
        if (place == entries_.end() || place->second.terms.state != State::open) return false;
        place->second.terms.state = State::closing;
        --open_;
        closings_.fetch_add(1, std::memory_order_relaxed);
    }
    watchers_.tell(id);
    return true;
}

bool SessionBook::in_use(const PaymentHash& id) const {
    std::lock_guard lock(mutex_);
    auto place = entries_.find(id);
    return place != entries_.end() && place->second.visits > 0;
}

void SessionBook::closed(const PaymentHash& id) {
    {
        std::lock_guard lock(mutex_);
        auto place = entries_.find(id);
        if (place == entries_.end() || place->second.terms.state == State::closed) return;
        if (place->second.terms.state == State::open) --open_;
        place->second.terms.state = State::closed;
    }
    watchers_.tell(id);
}

void SessionBook::reopen(const PaymentHash& id) {
    {
        std::lock_guard lock(mutex_);
        auto place = entries_.find(id);
        if (place == entries_.end() || place->second.terms.state != State::closing) return;
        place->second.terms.state = State::open;
        place->second.used = clock_();
        ++open_;
        due_.emplace(place->second.used + place->second.terms.idle, id);
    }
    watchers_.tell(id);
}

SessionBook::Sweep SessionBook::sweep() {
    Sweep out = look_for_idle();
    for (const PaymentHash& id : out.idle) watchers_.tell(id);
    return out;
}

SessionBook::Sweep SessionBook::look_for_idle() {
    Sweep out;
    const Time now = clock_();
    std::lock_guard lock(mutex_);
    while (!due_.empty() && due_.begin()->first <= now) {
        const PaymentHash id = due_.begin()->second;
        due_.erase(due_.begin());
        Entry& entry = entries_.at(id);
        if (entry.terms.state != State::open) continue;
        if (entry.visits == 0 && entry.used + entry.terms.idle <= now) {
            entry.terms.state = State::closing;
            --open_;
            closings_.fetch_add(1, std::memory_order_relaxed);
            out.idle.push_back(id);
            continue;
        }
        out.used.push_back(id);
        due_.emplace((entry.visits > 0 ? now : entry.used) + entry.terms.idle, id);
    }
    return out;
}

std::vector<PaymentHash> SessionBook::open_ones(const std::function<bool(const PaymentHash&)>& is_one) const {
    std::vector<PaymentHash> out;
    std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : entries_) {
        const std::vector<PaymentHash>& deposits = entry.terms.deposits;
        if (entry.terms.state != State::open) continue;
        if (is_one(id) || std::any_of(deposits.begin(), deposits.end(), is_one)) out.push_back(id);
    }
    return out;
}

std::size_t SessionBook::open_count() const {
    std::lock_guard lock(mutex_);
    return open_;
}

}  // namespace millrace::paywall
