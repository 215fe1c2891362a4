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

void ChallengeDesk::ask(Demand demand, Done done) {
    // Nobody is asked to pay for what could not be handed over.
    if (!client_.can_record()) {
        Outcome outcome;
        outcome.error = fail(ClientErrc::unrecordable);
        return done(outcome);
    }
    Time now = std::chrono::system_clock::now();
    Clock::time_point tick = Clock::now();
    paywall::ChallengeKey key{demand.prefix, demand.request.service.text(),           demand.request.amount.value(),
                              demand.route,  demand.request.description.value_or(""), demand.request.deposit};
    std::unique_lock lock(mutex_);
    bool shared = demand.shared && settings_.reuse && !demand.worked;
    if (shared) {
        auto answer = book_.ask(key, now, done);
        if (std::holds_alternative<paywall::ChallengeBook::Join>(answer)) return;
        Outcome outcome;
        if (auto* fresh = std::get_if<paywall::ChallengeBook::Fresh>(&answer)) {
            outcome.challenge = fresh->challenge;
            outcome.reused = true;
        } else if (auto* refusal = std::get_if<paywall::ChallengeBook::Refusal>(&answer)) {
            bool prefix_full = *refusal == paywall::ChallengeBook::Refusal::prefix_full;
            outcome = refused(prefix_full ? "too many unpaid invoices of this network" : "too many unpaid invoices",
                              std::chrono::seconds(60));
        }
        if (outcome.challenge || outcome.error) {
            lock.unlock();
            return done(outcome);
        }
    }
    Outcome outcome;
    if (auto limited = demand.worked ? std::nullopt : limit(demand, tick)) outcome = std::move(*limited);
    if (!outcome.error) outcome.challenge = take_ready(demand.request, tick);
    if (!outcome.error && !outcome.challenge && !demand.worked) {
        if (auto wait = in_all_.take(settings_.in_all, tick))
            outcome = refused("the node signs no more invoices at the moment", in_seconds(*wait));
    }
    // Whoever joined meanwhile is told the same.
    auto tell = [this, key, shared, done = std::move(done)](const Outcome& result) {
        std::vector<Done> waiters;
        if (shared) {
            std::lock_guard guard(mutex_);
            waiters = result.challenge ? book_.issued(key, result.challenge, std::chrono::system_clock::now())
                                       : book_.failed(key);
        } else {
            waiters.push_back(done);
        }
        for (const Done& waiter : waiters) waiter(result);
    };
    lock.unlock();
    if (outcome.error || outcome.challenge) return tell(outcome);
    issue(std::move(demand.request), std::move(tell));
}

std::optional<ChallengeDesk::Outcome> ChallengeDesk::limit(const Demand& demand, Clock::time_point now) {
    auto wait = per_prefix_.take(demand.prefix, settings_.per_prefix, now);
    if (!wait) return std::nullopt;
    return refused("too many invoices asked for by this network", in_seconds(*wait));
}

void ChallengeDesk::issue(IssueRequest request, std::function<void(Outcome)> done) {
    client_.issue(std::move(request), [done = std::move(done)](Result<IssuedChallenge> issued) {
        Outcome outcome;
        if (issued)
            outcome.challenge = std::make_shared<const IssuedChallenge>(std::move(*issued));
        else
            outcome.error = issued.error();
        done(std::move(outcome));
    });
}

// One that was signed ahead, where it still has half of its life; and sees to it that there are more.
ChallengeDesk::Challenge ChallengeDesk::take_ready(const IssueRequest& request, Clock::time_point now) {
    if (settings_.pool == 0) return nullptr;
    std::string name = pool_name(request);
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
    Challenge out;
    if (!pool.ready.empty()) {
        out = std::move(pool.ready.front());
        pool.ready.pop_front();
    }
    if (pool.asked >= in_demand) fill(name, request, now);
    return out;
}

void ChallengeDesk::fill(const std::string& name, const IssueRequest& request, Clock::time_point now) {
    Pool& pool = pools_[name];
    while (pool.ready.size() + pool.coming < settings_.pool && !in_all_.take(settings_.in_all, now)) {
        ++pool.coming;
        issue(request,
              [this, name, generation = generation_](const Outcome& outcome) { filled(name, generation, outcome); });
    }
}

void ChallengeDesk::filled(const std::string& name, std::uint64_t generation, const Outcome& outcome) {
    std::lock_guard lock(mutex_);
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
