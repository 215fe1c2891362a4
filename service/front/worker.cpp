#include "service/front/worker.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "service/async/spawn.hpp"
#include "service/front/session.hpp"
#include "service/http/http_date.hpp"

namespace millrace::front {
namespace {

// Between two, those who come and go in one second have had their turn.
constexpr std::chrono::seconds trim_period{1};

}  // namespace

Worker::Worker(std::size_t index, Shared shared)
    : context_(std::make_unique<http::asio::io_context>(1)),
      index_(index),
      shared_(std::move(shared)),
      known_(shared_.store, shared_.desk, shared_.gateway),
      counts_(shared_.metrics.thread(index)),
      site_(shared_.site),
      keys_(shared_.keys) {
    date_ = http::http_date(std::chrono::system_clock::now());
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

void Worker::adopt(Accepted accepted, std::shared_ptr<http::asio::ssl::context> tls, ListenerRole role) {
    connection_count_.fetch_add(1, std::memory_order_relaxed);
    http::asio::post(context_->get_executor(),
                     [this, accepted = std::move(accepted), tls = std::move(tls), role]() mutable {
                         counts_.connections_opened.add();
                         auto session = std::make_unique<Session>(*this, std::move(accepted), std::move(tls), role);
                         sessions_.insert(session.get());
                         async::spawn(context_->get_executor(), Session::run(std::move(session)), "a connection");
                     });
}

void Worker::ended(Session& session) {
    sessions_.erase(&session);
    counts_.connections_closed.add();
    if (connection_count_.fetch_sub(1, std::memory_order_relaxed) == 1 && draining_) empty_();
}

void Worker::make_room() {
    if (making_room_.exchange(true, std::memory_order_relaxed)) return;
    http::asio::post(context_->get_executor(), [this] {
        making_room_.store(false, std::memory_order_relaxed);
        std::vector<Session*> idle;
        for (Session* session : sessions_) {
            if (session->idle()) idle.push_back(session);
        }
        const std::size_t count = std::min(idle.size(), idle.size() / 8 + 1);
        auto longest = [](const Session* left, const Session* right) {
            return left->idle_since() < right->idle_since();
        };
        std::partial_sort(idle.begin(), idle.begin() + static_cast<std::ptrdiff_t>(count), idle.end(), longest);
        for (std::size_t i = 0; i < count; ++i) idle[i]->drain();
    });
}

void Worker::drain(std::function<void()> empty) {
    http::asio::post(context_->get_executor(), [this, empty = std::move(empty)]() mutable {
        draining_ = true;
        empty_ = std::move(empty);
        for (Session* session : sessions_) session->drain();
        if (connections() == 0) empty_();
    });
}

void Worker::cut_off() {
    http::asio::post(context_->get_executor(), [this] {
        for (Session* session : sessions_) session->cut_off();
    });
}

http::Awaitable<> Worker::tick() {
    http::Timer timer(context_->get_executor());
    for (;;) {
        timer.expires_after(http::Watchdog::period);
        auto [failed] = co_await timer.async_wait(http::use_result);
        if (failed) co_return;
        auto now = std::chrono::steady_clock::now();
        watchdog_.look(now);
        for (const auto& pool : pools_) pool->drop_older(now);
        if (now >= next_trim_) {
            exchanges_.trim();
            next_trim_ = now + trim_period;
        }
        // Of addresses that a reload left without a service, above all.
        std::erase_if(pools_, [](const auto& pool) { return pool->size() == 0 && pool.use_count() == 1; });
        date_ = http::http_date(std::chrono::system_clock::now());
        const std::uint64_t ends = shared_.store.revocations_version() + shared_.sessions.closings();
        if (ends != looked_at_) {
            looked_at_ = ends;
            for (Session* session : sessions_) session->end_if_over();
        }
    }
}

std::shared_ptr<const site::Site> Worker::site() {
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

bool Worker::drop_idle_upstreams() {
    bool any = false;
    for (const auto& pool : pools_) {
        any = any || pool->size() > 0;
        pool->clear();
    }
    return any;
}

// Few upstreams, hence a list.
std::shared_ptr<upstream::UpstreamPool> Worker::pool(const upstream::Target& target) {
    for (const auto& pool : pools_) {
        if (pool->serves(target)) return pool;
    }
    return pools_.emplace_back(std::make_shared<upstream::UpstreamPool>(target));
}

}  // namespace millrace::front
