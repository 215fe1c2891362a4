#include "service/metrics/endpoint.hpp"

#include <boost/asio/write.hpp>

#include "service/async/spawn.hpp"
#include "service/http/message.hpp"
#include "service/http/problem.hpp"

namespace millrace::metrics {

namespace asio = boost::asio;

namespace {

constexpr std::size_t max_head = 16 * 1024;
constexpr std::chrono::seconds head_patience{3};
constexpr std::chrono::seconds answer_patience{10};

// Closes the socket when a time is over. The handler refers to the socket: it must have run before the socket goes.
void close_after(http::Timer& deadline, http::Socket& socket, std::chrono::seconds patience) {
    deadline.expires_after(patience);
    deadline.async_wait([&socket](boost::system::error_code cancelled) {
        boost::system::error_code ignored;
        if (!cancelled) socket.close(ignored);
    });
}

std::string write_response(unsigned status, std::string_view type, std::string_view body, bool to_head,
                           std::string_view more = {}) {
    std::string out = "HTTP/1.1 " + std::to_string(status) + ' ' + std::string(http::reason_phrase(status)) +
                      "\r\nContent-Type: " + std::string(type) + "\r\n" + std::string(more) +
                      "Cache-Control: no-store\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
                      "\r\n\r\n";
    if (!to_head) out += body;
    return out;
}

}  // namespace

void Endpoint::start() {
    async::spawn(acceptor_.get_executor(), accept(), "the metrics listener");
}

void Endpoint::stop() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
}

config::ListenAddress Endpoint::address() const {
    return listen::local_address(acceptor_).value_or(config::ListenAddress{});
}

http::Awaitable<> Endpoint::accept() {
    http::Timer pause(acceptor_.get_executor());
    while (acceptor_.is_open()) {
        http::Endpoint peer;
        auto [failed, socket] = co_await acceptor_.async_accept(acceptor_.get_executor(), peer, http::use_result);
        if (failed == asio::error::operation_aborted) break;
        if (failed) {
            pause.expires_after(std::chrono::milliseconds(100));
            co_await pause.async_wait(http::use_result);
            continue;
        }
        async::spawn(acceptor_.get_executor(), serve(std::move(socket), listen::peer_name(peer)),
                     "a connection to the metrics listener");
    }
}

http::Awaitable<> Endpoint::serve(http::Socket socket, std::string peer) {
    // The seat may be lost, however this coroutine ends.
    auto open = std::make_shared<http::Socket*>(&socket);
    auto ticket = seats_.take(std::move(peer), [known = std::weak_ptr(open)] {
        boost::system::error_code ignored;
        if (auto held = known.lock()) (*held)->close(ignored);
    });
    if (!ticket) co_return;
    http::Timer deadline(socket.get_executor());
    close_after(deadline, socket, head_patience);
    std::string head;
    std::size_t scanned = 0;
    std::size_t end = 0;
    while (end == 0 && head.size() < max_head) {
        std::size_t before = head.size();
        head.resize(before + 4096);
        auto buffer = asio::buffer(head.data() + before, head.size() - before);
        auto [failed, count] = co_await socket.async_read_some(buffer, http::use_result);
        head.resize(before + count);
        if (failed) break;
        end = http::find_head_end(head, scanned);
    }
    if (end > 0) {
        close_after(deadline, socket, answer_patience);
        std::string response = answer(std::string_view(head).substr(0, end));
        auto buffer = asio::buffer(response);
        co_await asio::async_write(socket, buffer, http::use_result);
        boost::system::error_code ignored;
        socket.shutdown(http::Socket::shutdown_both, ignored);
    }
    seats_.leave(*ticket);
    // The timer's handler refers to the socket: it must have run before this frame goes.
    deadline.cancel();
    co_await asio::post(socket.get_executor(), http::use_result);
}

std::string Endpoint::answer(std::string_view head) const {
    http::RequestReader reader;
    http::HeadLimits limits{max_head, max_head};
    if (auto fault = reader.parse(head, limits))
        return write_response(fault->status, "text/plain", std::string(fault->detail) + '\n', false);
    const http::RequestHead& request = reader.head();
    bool to_head = request.verb == http::Verb::head;
    if (!to_head && request.verb != http::Verb::get)
        return write_response(405, "text/plain", "only GET\n", false, "Allow: GET, HEAD\r\n");
    std::string_view path = request.target.substr(0, request.target.find('?'));
    if (path == "/metrics")
        return write_response(200, "text/plain; version=0.0.4; charset=utf-8", sources_.metrics(), to_head);
    if (path == "/healthz") return write_response(200, "text/plain", "ok\n", to_head);
    if (path == "/readyz") {
        std::string why = sources_.not_ready();
        return write_response(why.empty() ? 200 : 503, "text/plain", why.empty() ? "ready\n" : why + '\n', to_head);
    }
    return write_response(404, "text/plain", "/metrics, /healthz, /readyz\n", to_head);
}

}  // namespace millrace::metrics
