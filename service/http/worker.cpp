#include "service/http/worker.hpp"

#include <boost/asio/post.hpp>
#include <ctime>

#include "service/async/spawn.hpp"
#include "service/http/session.hpp"

namespace millrace::http {

Worker::Worker(std::size_t index, Shared shared)
    : context_(std::make_unique<asio::io_context>(1)),
      index_(index),
      shared_(std::move(shared)),
      counts_(shared_.metrics.thread(index)),
      site_(shared_.site),
      keys_(shared_.keys) {
    write_date(std::chrono::system_clock::now());
    async::spawn(context_->get_executor(), tick(), "the clock of a worker");
}

// Coroutines that are still there go with the io_context, and give back what they have from this object.
Worker::~Worker() {
    pools_.clear();
    context_.reset();
}

void Worker::run() {
    async::run_event_loop(*context_, "a handler of a worker");
}

void Worker::adopt(Accepted accepted, std::shared_ptr<asio::ssl::context> tls, ListenerRole role) {
    connection_count_.fetch_add(1, std::memory_order_relaxed);
    asio::post(context_->get_executor(), [this, accepted = std::move(accepted), tls = std::move(tls), role]() mutable {
        counts_.connections_opened.add();
        auto session = std::make_unique<Session>(*this, std::move(accepted), std::move(tls), role);
        sessions_.insert(session.get());
        async::spawn(context_->get_executor(), run_session(std::move(session)), "a connection");
    });
}

void Worker::ended(Session& session) {
    sessions_.erase(&session);
    counts_.connections_closed.add();
    connection_count_.fetch_sub(1, std::memory_order_relaxed);
}

void Worker::drain() {
    asio::post(context_->get_executor(), [this] {
        draining_ = true;
        for (Session* session : sessions_) session->drain();
    });
}

Awaitable<> Worker::tick() {
    Timer timer(context_->get_executor());
    for (;;) {
        timer.expires_after(Watchdog::period);
        auto [failed] = co_await timer.async_wait(use_result);
        if (failed) co_return;
        auto now = std::chrono::steady_clock::now();
        watchdog_.look(now);
        for (const auto& pool : pools_) pool->drop_older(now);
        // Of addresses that a reload left without a service, above all.
        std::erase_if(pools_, [](const auto& pool) { return pool->size() == 0 && pool.use_count() == 1; });
        write_date(std::chrono::system_clock::now());
        if (std::uint64_t revocations = shared_.store.revocations_version(); revocations != looked_at_) {
            looked_at_ = revocations;
            for (Session* session : sessions_) session->end_if_revoked();
        }
    }
}

// RFC 9110 §5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
void Worker::write_date(std::chrono::system_clock::time_point now) {
    std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[40];
    std::size_t length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    date_.assign(text, length);
}

std::shared_ptr<const runtime::Site> Worker::site() {
    return site_.hold();
}

const l402::KeyRing* Worker::keys() {
    return keys_.get();
}

std::uint64_t Worker::refresh() {
    site_.get();
    keys_.get();
    std::uint64_t revocations = shared_.store.revocations_version();
    if (site_.version() != cache_site_ || keys_.version() != cache_keys_ || revocations != cache_revocations_) {
        cache_.clear();
        cache_site_ = site_.version();
        cache_keys_ = keys_.version();
        cache_revocations_ = revocations;
        ++generation_;
    }
    return generation_;
}

// Few upstreams, hence a list.
std::shared_ptr<UpstreamPool> Worker::pool(const upstream::Target& target) {
    for (const auto& pool : pools_) {
        if (pool->serves(target)) return pool;
    }
    return pools_.emplace_back(std::make_shared<UpstreamPool>(target));
}

}  // namespace millrace::http
