// One thread of the service: an io_context, the connections that live on it, and everything they share without a lock.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "common/l402/token.hpp"
#include "service/async/published.hpp"
#include "service/discovery/documents.hpp"
#include "service/front/exchange.hpp"
#include "service/front/known.hpp"
#include "service/front/settlement_waiters.hpp"
#include "service/gateway/challenge_desk.hpp"
#include "service/http/descriptors.hpp"
#include "service/http/watchdog.hpp"
#include "service/limits/connections.hpp"
#include "service/limits/use_limits.hpp"
#include "service/paywall/credential_cache.hpp"
#include "service/paywall/free_ledger.hpp"
#include "service/paywall/ledger.hpp"
#include "service/paywall/session_book.hpp"
#include "service/paywall/steady_wall.hpp"
#include "service/paywall/work_desk.hpp"
#include "service/sessions/closer.hpp"
#include "service/site/site.hpp"
#include "service/store/store.hpp"
#include "service/upstream/pool.hpp"

namespace millrace::front {

class Session;

// What comes in at a listener: requests, or a front proxy's questions about requests.
enum class ListenerRole { requests, forward_auth };

// What all threads share. The references outlive the workers.
struct Shared {
    async::Published<site::Site>& site;
    async::Published<l402::KeyRing>& keys;
    gateway::ChallengeDesk& desk;
    store::Store& store;
    metrics::Metrics& metrics;
    SettlementWaiters& waiters;
    limits::UseLimits& use_limits;
    const gateway::Client& gateway;
    paywall::Ledger& ledger;
    const paywall::SteadyWall& wall;
    paywall::FreeLedger& free_ledger;
    paywall::WorkDesk& work;
    paywall::SessionBook& sessions;
    sessions::Closer& closer;
    http::Descriptors& descriptors;
    limits::Connections& connections;
};

class Worker {
  public:
    Worker(std::size_t index, Shared shared);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    [[nodiscard]] http::asio::io_context& context() { return *context_; }
    // By the service's wall clock.
    [[nodiscard]] paywall::Time now() const { return shared_.wall.now(std::chrono::steady_clock::now()); }

    // Runs the thread's event loop until stop().
    void run();
    void stop() { context_->stop(); }

    // A connection that was accepted for this worker's io_context.
    struct Accepted {
        http::Socket socket;
        std::string peer;
        limits::Connections::Place place;
    };
    // From any thread: takes it over; `tls` null: plain.
    void adopt(Accepted accepted, std::shared_ptr<http::asio::ssl::context> tls, ListenerRole role);
    // From any thread: idle connections close, busy ones after their response. `empty` is called, from this one's thread,
    // whenever there is none any more, the first time if there was none.
    void drain(std::function<void()> empty);
    void cut_off();  // what drain() has left
    [[nodiscard]] std::size_t connections() const { return connection_count_.load(std::memory_order_relaxed); }
    // From any thread: there will soon be no place for more connections, so that those end that are idle for longest.
    void make_room();

    // For the sessions on this thread:

    [[nodiscard]] Shared& shared() { return shared_; }
    [[nodiscard]] Known& known() { return known_; }
    [[nodiscard]] metrics::ThreadShard& counts() { return counts_; }
    [[nodiscard]] std::size_t index() const { return index_; }
    [[nodiscard]] http::Watchdog& watchdog() { return watchdog_; }
    [[nodiscard]] ExchangePool& exchanges() { return exchanges_; }
    [[nodiscard]] bool draining() const { return draining_; }
    [[nodiscard]] std::string_view date() const { return date_; }

    // The current configuration; hold on to it for as long as the request lasts.
    std::shared_ptr<const site::Site> site();
    const l402::KeyRing* keys();
    // Looks whether keys, configuration or revocations have changed, and empties the cache if so. Answers the number of
    // the state that the cache belongs to: what was found out in one state must not be used in another.
    std::uint64_t refresh();
    paywall::CredentialCache& cache() { return cache_; }
    discovery::DocumentCache& documents() { return documents_; }
    std::shared_ptr<upstream::UpstreamPool> pool(const upstream::Target& target);
    // Closes what is idle, since descriptors are short. False: there was nothing.
    bool drop_idle_upstreams();

    void ended(Session& session);

  private:
    http::Awaitable<> tick();

    std::unique_ptr<http::asio::io_context> context_;
    std::size_t index_;
    Shared shared_;
    Known known_;
    metrics::ThreadShard& counts_;
    async::Published<site::Site>::Reader site_;
    async::Published<l402::KeyRing>::Reader keys_;
    std::uint64_t generation_ = 0;
    std::uint64_t cache_site_ = 0;
    std::uint64_t cache_keys_ = 0;
    std::uint64_t cache_revocations_ = 0;
    std::uint64_t looked_at_ = 0;  // revocations and closings of sessions, for requests under way
    paywall::CredentialCache cache_;
    discovery::DocumentCache documents_;
    http::Watchdog watchdog_;
    ExchangePool exchanges_;
    std::chrono::steady_clock::time_point next_trim_;
    std::vector<std::shared_ptr<upstream::UpstreamPool>> pools_;
    std::unordered_set<Session*> sessions_;
    std::atomic<std::size_t> connection_count_{0};
    std::atomic<bool> making_room_{false};
    std::string date_;
    bool draining_ = false;
    std::function<void()> empty_;  // there while it drains
};

}  // namespace millrace::front
