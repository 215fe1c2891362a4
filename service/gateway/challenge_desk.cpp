#include "service/gateway/challenge_desk.hpp"

#include <algorithm>
#include <utility>

namespace millrace::gateway {
namespace {

// A thing is in demand that is asked for so often within so long; one that is not any more is not signed ahead.
constexpr unsigned in_demand = 8;
constexpr std::chrono::seconds demand_time{10};
constexpr std::size_t max_pools = 256;

std::string pool_name(const IssueRequest& request) {
    return request.service.text() + '\n' + std::to_string(request.amount.value()) + '\n' +
           request.description.value_or("") + (request.deposit ? "\ndeposit" : "");
}

std::chrono::seconds in_seconds(limits::Clock::duration wait) {
    return std::max(std::chrono::seconds(1), std::chrono::ceil<std::chrono::seconds>(wait));
}

ChallengeDesk::Outcome refused(std::string_view why, std::chrono::seconds retry_after) {
    ChallengeDesk::Outcome out;
    out.error = fail(ClientErrc::limited, std::string(why));
    out.retry_after = retry_after;
    return out;
}

std::chrono::seconds life_left(const IssuedChallenge& challenge) {
    return std::chrono::floor<std::chrono::seconds>(challenge.expires_at - std::chrono::system_clock::now());
}

}  // namespace

void ChallengeDesk::configure(const config::Challenges& settings) {
    std::lock_guard lock(mutex_);
    settings_ = settings;
    book_.set_bounds({settings.max_open_per_prefix, settings.max_open});
    if (settings.pool == 0) pools_.clear();
}

std::optional<ChallengeDesk::Outcome> ChallengeDesk::closed() const {
    Outcome out;
    out.retry_after = std::chrono::seconds(5);
    if (!client_.can_record()) {
        out.error = fail(ClientErrc::unrecordable);
    } else if (!client_.ready()) {
        out.error = fail(ClientErrc::unavailable, "no connection to the plugin");
    } else if (const auto why = client_.unpayable()) {
        out.error = fail(ClientErrc::unpayable, name(*why));
        out.retry_after = std::chrono::seconds(30);
    } else {
        return std::nullopt;
    }
    return out;
}

void ChallengeDesk::ask(Demand demand, Done done) {
    if (auto why = closed()) return done(*why);
    const Time now = std::chrono::system_clock::now();
    const Clock::time_point tick = Clock::now();
    std::unique_lock lock(mutex_);
    Order order;
    order.key = {demand.prefix, demand.request.service.text(),           demand.request.amount.value(),
                 demand.route,  demand.request.description.value_or(""), demand.request.deposit};
    order.kept = demand.shared && settings_.reuse && !demand.worked;
    order.done = std::move(done);
    order.generation = generation_;

    Outcome outcome;
    outcome.challenge = order.kept ? find_own(order, demand.connection, now) : nullptr;
    outcome.reused = outcome.challenge != nullptr;
    Challenge ready;
    std::optional<Outcome> refusal;
    if (!outcome.challenge) refusal = reserve(demand, order, tick, ready);
    if (refusal) {
        outcome = std::move(*refusal);
        Challenge oldest = order.kept ? find_oldest(order, now) : nullptr;
        if (oldest) outcome = Outcome{std::move(oldest), true, std::nullopt};
        // Somebody of the network is about to get one.
        if (!outcome.challenge && order.kept && book_.join(order.key, order.done)) return;
    }
    if (outcome.challenge || outcome.error) {
        lock.unlock();
        return order.done(outcome);
    }
    if (order.kept) order.place = book_.begin(order.key, demand.connection);
    lock.unlock();
    if (ready) {
        outcome.challenge = std::move(ready);
        return finish(std::move(order), std::move(outcome));
    }
    auto shared = std::make_shared<Order>(std::move(order));
    issue(std::move(demand.request), [this, shared](Outcome issued) { finish(std::move(*shared), std::move(issued)); });
}

// A refusal where a limit is reached; then nothing is taken. `ready`: one that was signed ahead, if there is one.
std::optional<ChallengeDesk::Outcome> ChallengeDesk::reserve(const Demand& demand, Order& order, Clock::time_point now,
                                                             Challenge& ready) {
    if (order.kept) {
        if (auto full = book_.room(demand.prefix, std::chrono::system_clock::now())) {
            const bool of_prefix = *full == paywall::ChallengeBook::Full::prefix;
            return refused(of_prefix ? "too many unpaid invoices of this network" : "too many unpaid invoices",
                           std::chrono::seconds(60));
        }
    }
    if (!demand.worked) {
        if (auto wait = per_prefix_.take(demand.prefix, settings_.per_prefix, now))
            return refused("too many invoices asked for by this network", in_seconds(*wait));
        order.of_prefix = settings_.per_prefix;
    }
    const std::string name = pool_name(demand.request);
    ready = take_ready(name, now);
    if (!ready && !demand.worked) {
        if (auto wait = in_all_.take(settings_.in_all, now)) {
            give_back(order);
            order.of_prefix.reset();
            return refused("the node signs no more invoices at the moment", in_seconds(*wait));
        }
        order.of_all = settings_.in_all;
    }
    fill(name, demand.request, now);
    return std::nullopt;
}

void ChallengeDesk::give_back(const Order& order) {
    if (order.of_prefix) per_prefix_.put_back(order.key.prefix, *order.of_prefix);
    if (order.of_all) in_all_.put_back(*order.of_all);
}

// Its payment is in the store, though the news of it may not have come here yet; or its token was revoked.
bool ChallengeDesk::is_taken(const Challenge& challenge) const {
    return challenge && client_.is_taken(challenge->payment_hash);
}

ChallengeDesk::Challenge ChallengeDesk::find_own(const Order& order, Connection connection, Time now) {
    Challenge out = book_.own(order.key, connection, now);
    if (!is_taken(out)) return out;
    book_.paid(out->payment_hash);
    return nullptr;
}

ChallengeDesk::Challenge ChallengeDesk::find_oldest(const Order& order, Time now) {
    Challenge out = book_.oldest(order.key, now);
    while (is_taken(out)) {
        book_.paid(out->payment_hash);
        out = book_.oldest(order.key, now);
    }
    return out;
}

// Tells the asker, and whoever waits for the same.
void ChallengeDesk::finish(Order order, Outcome outcome) {
    std::vector<Done> waiters;
    {
        const Time now = std::chrono::system_clock::now();
        std::lock_guard lock(mutex_);
        if (outcome.challenge && order.place) {
            waiters = book_.issued(*order.place, outcome.challenge, now);
            if (order.generation != generation_) book_.paid(outcome.challenge->payment_hash);
        } else if (!outcome.challenge) {
            give_back(order);
            if (order.place) waiters = book_.failed(*order.place);
        }
        // The plugin has a limit of its own.
        if (outcome.error && is(*outcome.error, ClientErrc::rate_limited) && order.kept) {
            if (Challenge oldest = find_oldest(order, now))
                outcome = Outcome{std::move(oldest), true, std::nullopt};
            else if (book_.join(order.key, order.done))
                order.done = nullptr;
        }
    }
    if (order.done) order.done(outcome);
    if (outcome.challenge) outcome.reused = true;
    for (const Done& waiter : waiters) waiter(outcome);
}

void ChallengeDesk::issue(IssueRequest request, std::function<void(Outcome)> done) {
    client_.issue(std::move(request), [done = std::move(done)](Result<IssuedChallenge> issued) {
        Outcome outcome;
        if (issued) {
            issued->www_authenticate.clear();  // which are written anew for each answer
            outcome.challenge = std::make_shared<const IssuedChallenge>(std::move(*issued));
        } else {
            outcome.error = issued.error();
        }
        done(std::move(outcome));
    });
}

// One that was signed ahead, where it still has half of its life.
ChallengeDesk::Challenge ChallengeDesk::take_ready(const std::string& name, Clock::time_point now) {
    if (settings_.pool == 0) return nullptr;
    if (pools_.size() >= max_pools && !pools_.contains(name)) {
        std::erase_if(pools_, [&](const auto& entry) { return now - entry.second.since > 2 * demand_time; });
        if (pools_.size() >= max_pools) return nullptr;
    }
    Pool& pool = pools_[name];
    if (now - pool.since > demand_time) {
        pool.since = now;
        pool.asked = pool.asked >= in_demand ? in_demand / 2 : 0;
    }
    ++pool.asked;
    while (!pool.ready.empty() && life_left(*pool.ready.front()) < pool.life / 2) pool.ready.pop_front();
    if (pool.ready.empty()) return nullptr;
    Challenge out = std::move(pool.ready.front());
    pool.ready.pop_front();
    return out;
}

// Sees to it that there are more of what is in demand.
void ChallengeDesk::fill(const std::string& name, const IssueRequest& request, Clock::time_point now) {
    auto known = pools_.find(name);
    if (known == pools_.end() || known->second.asked < in_demand) return;
    Pool& pool = known->second;
    while (pool.ready.size() + pool.coming < settings_.pool && !in_all_.take(settings_.in_all, now)) {
        ++pool.coming;
        issue(request,
              [this, name, generation = generation_](const Outcome& outcome) { filled(name, generation, outcome); });
    }
}

void ChallengeDesk::filled(const std::string& name, std::uint64_t generation, const Outcome& outcome) {
    std::lock_guard lock(mutex_);
    if (!outcome.challenge) in_all_.put_back(settings_.in_all);
    auto pool = pools_.find(name);
    if (pool == pools_.end() || generation != generation_) return;
    --pool->second.coming;
    if (!outcome.challenge) return;
    pool->second.life = life_left(*outcome.challenge);
    pool->second.ready.push_back(outcome.challenge);
}

void ChallengeDesk::paid(const PaymentHash& hash) {
    std::lock_guard lock(mutex_);
    book_.paid(hash);
}

void ChallengeDesk::forget() {
    std::lock_guard lock(mutex_);
    ++generation_;
    pools_.clear();
    book_.forget_issued();
}

}  // namespace millrace::gateway
