#include "service/front/listener.hpp"

#include "service/async/spawn.hpp"
#include "service/http/http_date.hpp"
#include "service/http/problem.hpp"
#include "service/log/log.hpp"

namespace millrace::front {

void Listener::start() {
    async::spawn(acceptor_.get_executor(), accept(), "a listener");
}

void Listener::stop() {
    if (file_) file_->remove();
    http::ErrorCode ignored;
    acceptor_.close(ignored);
}

std::string Listener::url() const {
    auto address = listen::local_address(acceptor_);
    if (!address) return place_ + (tls_ ? " (https)" : "");
    return (tls_ ? "https://" : "http://") + address->text();
}

// Before the last places are taken, those that are idle give up theirs.
bool Listener::has_place() {
    const std::size_t most = descriptors_.clients();
    std::size_t open = 0;
    for (const auto& worker : workers_) open += worker->connections();
    if (open >= most - most / 8) {
        for (const auto& worker : workers_) worker->make_room();
    }
    return open < most;
}

// What whoever cannot be served is told; over TLS there is nobody who could say it.
std::string Listener::refusal() const {
    if (tls_) return {};
    http::Problem problem{
        503,
        "The service has no connection to spare at the moment. Nothing was charged: repeat the request "
        "later."};
    problem.retry_after = 1;
    const std::string date = http::http_date(std::chrono::system_clock::now());
    http::AnswerFacts facts{date};
    facts.keep_alive = false;
    return write_answer(problem, facts);
}

http::Awaitable<> Listener::accept() {
    http::Timer pause(acceptor_.get_executor());
    bool told = false;
    while (acceptor_.is_open()) {
        Worker& worker = *workers_[next_ % workers_.size()];
        http::Executor executor = worker.context().get_executor();
        http::Endpoint peer;
        auto [failed, socket] = co_await acceptor_.async_accept(executor, peer, http::use_result);
        if (failed == http::asio::error::operation_aborted) break;
        if (!failed && has_place()) {
            told = false;
            std::string name = listen::peer_name(peer);
            auto place = find_place(name);
            if (!place) continue;  // the socket closes
            ++next_;
            Worker::Accepted accepted{std::move(socket), std::move(name), std::move(*place)};
            worker.adopt(std::move(accepted), tls_, role_);
            continue;
        }
        if (!failed || http::is_shortage(failed)) descriptors_.note_shortage();
        if (!told)
            log::error("connections are refused: {}",
                       failed ? failed.message() : std::to_string(descriptors_.clients()) + " are open");
        told = true;
        if (!failed) {
            http::send_away(socket.native_handle(), refusal());
            continue;
        }
        if (http::is_shortage(failed)) descriptors_.turn_away(acceptor_.native_handle(), refusal());
        pause.expires_after(std::chrono::milliseconds(100));
        co_await pause.async_wait(http::use_result);
    }
}

// Who comes over a unix socket is on this machine, and a trusted proxy stands for many: they have as many connections
// as they like.
std::optional<limits::Connections::Place> Listener::find_place(const std::string& peer) {
    constexpr std::chrono::minutes between_warnings{1};
    Shared& shared = workers_.front()->shared();
    std::shared_ptr<const site::Site> site = shared.site.load();
    auto address = limits::parse_address(peer);
    if (!address || limits::any_has(site->config.clients.trusted_proxies, *address))
        return std::optional<limits::Connections::Place>(std::in_place);
    const std::size_t most = site->config.limits.connections_per_prefix;
    auto place = shared.connections.enter(limits::prefix_of(*address), most);
    if (place) return place;
    shared.metrics.thread(workers_.size()).connections_refused.add();  // the control thread's
    auto now = std::chrono::steady_clock::now();
    if (warned_ == std::chrono::steady_clock::time_point{} || now - warned_ >= between_warnings) {
        log::warn("{} has {} connections open, as many as limits.connections_per_prefix allows: more are closed",
                  limits::prefix_text(*address), most);
        warned_ = now;
    }
    return place;
}

}  // namespace millrace::front
