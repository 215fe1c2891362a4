#include "service/admin/server.hpp"

#include <array>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>

#include "common/codec/log_text.hpp"
#include "service/admin/authorization.hpp"
#include "service/async/spawn.hpp"
#include "service/async/wakeup.hpp"
#include "service/http/problem.hpp"
#include "service/log/log.hpp"

namespace millrace::admin {

namespace asio = boost::asio;

namespace {

constexpr std::size_t max_head = 16 * 1024;
constexpr std::size_t read_size = 4096;
constexpr std::size_t max_body = 16 * 1024;
constexpr std::size_t max_definition = 256 * 1024;  // of a service: a thousand routes
constexpr std::chrono::seconds request_patience{10};
constexpr std::chrono::seconds answer_patience{60};

std::string write_response(const Answer& answer, bool to_head) {
    std::string out = "HTTP/1.1 " + std::to_string(answer.status) + ' ' +
                      std::string(http::reason_phrase(answer.status)) +
                      "\r\nContent-Type: " + std::string(answer.type) +
                      "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
    for (const std::string& field : answer.fields) out += field + "\r\n";
    out += "Connection: close\r\nContent-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n";
    if (!to_head) out += answer.body;
    return out;
}

Answer unauthorized(bool shown) {
    Answer answer = problem(401, shown ? "The token is not one of those configured in [admin]."
                                       : "This takes \"Authorization: Bearer\" with a token of [admin].");
    answer.fields.push_back(std::string("WWW-Authenticate: Bearer realm=\"millraced\"") +
                            (shown ? ", error=\"invalid_token\"" : ""));
    return answer;
}

// Closes the socket when a time is over. The handler refers to the socket: it must have run before the socket goes.
void close_after(http::Timer& deadline, http::Socket& socket, std::chrono::seconds patience) {
    deadline.expires_after(patience);
    deadline.async_wait([&socket](boost::system::error_code cancelled) {
        boost::system::error_code ignored;
        if (!cancelled) socket.close(ignored);
    });
}

}  // namespace

// One request as it comes in.
struct Server::Incoming {
    http::Buffer bytes;  // behind the head
    bool has_head = false;
    http::RequestReader reader;
    Request request;
};

void Server::start() {
    async::spawn(acceptor_.get_executor(), accept(), "the admin listener");
}

void Server::stop() {
    if (file_) file_->remove();
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    if (seat_free_) seat_free_();
}

std::string Server::url() const {
    auto address = listen::local_address(acceptor_);
    return address ? "http://" + address->text() : settings_().listen.text();
}

http::Awaitable<> Server::accept() {
    http::Timer pause(acceptor_.get_executor());
    async::Wakeup seat_free(acceptor_.get_executor());
    seat_free_ = seat_free.teller();
    while (acceptor_.is_open()) {
        if (seats_.full()) {  // the others wait in the kernel's queue
            co_await seat_free.wait();
            continue;
        }
        http::Endpoint peer;
        auto [failed, socket] = co_await acceptor_.async_accept(acceptor_.get_executor(), peer, http::use_result);
        if (failed == asio::error::operation_aborted) break;
        if (failed) {
            pause.expires_after(std::chrono::milliseconds(100));
            co_await pause.async_wait(http::use_result);
            continue;
        }
        async::spawn(acceptor_.get_executor(), serve(std::move(socket), listen::peer_name(peer)),
                     "a connection to the admin listener");
    }
}

http::Awaitable<> Server::serve(http::Socket socket, std::string peer) {
    // The seat may be lost, however this coroutine ends.
    auto open = std::make_shared<http::Socket*>(&socket);
    auto ticket = seats_.take(std::move(peer), [known = std::weak_ptr(open)] {
        boost::system::error_code ignored;
        if (auto held = known.lock()) (*held)->close(ignored);
    });
    if (!ticket) co_return;
    http::Timer deadline(socket.get_executor());
    close_after(deadline, socket, request_patience);
    Incoming in;
    std::optional<Answer> answer = co_await receive(socket, *ticket, in);
    if (socket.is_open() && in.has_head) {
        close_after(deadline, socket, answer_patience);
        bool to_head = in.reader.head().verb == http::Verb::head;
        if (!answer) {
            std::string subject = in.request.method + ' ' +
                                  std::string(in.reader.head().target.substr(0, in.reader.head().target.find('?')));
            bool changes = in.request.method != "GET";
            answer = co_await api_.answer(std::move(in.request));
            if (changes) log::info("admin: {} {}", codec::log_text(subject), answer->status);
        }
        seats_.let_go(*ticket);
        seat_free_();
        std::string response = write_response(*answer, to_head);
        auto buffer = asio::buffer(response);
        co_await asio::async_write(socket, buffer, http::use_result);
        boost::system::error_code ignored;
        socket.shutdown(http::Socket::shutdown_send, ignored);
        // What the client still sends must be read: closing over it would reset the connection under the answer.
        close_after(deadline, socket, std::chrono::seconds(1));
        std::array<char, 4096> rest;
        for (bool more = true; more;) {
            auto unread = asio::buffer(rest);
            auto [failed, count] = co_await socket.async_read_some(unread, http::use_result);
            more = !failed;
        }
    }
    seats_.leave(*ticket);
    seat_free_();
    deadline.cancel();
    co_await asio::post(socket.get_executor(), http::use_result);
}

// Reads a request. Answers what is to be said at once: a refusal; nothing where the request is ready, or where none
// came.
http::Awaitable<std::optional<Answer>> Server::receive(http::Socket& socket, limits::Seats::Ticket ticket,
                                                       Incoming& in) {
    std::size_t scanned = 0;
    std::size_t end = 0;
    while (end == 0 && in.bytes.size() < max_head) {
        std::size_t room = 0;
        char* data = in.bytes.prepare(read_size, &room);
        auto buffer = asio::buffer(data, room);
        auto [failed, count] = co_await socket.async_read_some(buffer, http::use_result);
        if (failed) co_return std::nullopt;
        in.bytes.commit(count);
        end = http::find_head_end(in.bytes.view(), scanned);
    }
    in.has_head = true;
    if (end == 0 || end > max_head) co_return problem(431, "The head of the request is more than 16 KiB.");
    http::HeadLimits limits{max_head, max_head};
    if (auto fault = in.reader.parse(in.bytes.pin(end), limits)) co_return problem(fault->status, fault->detail);
    const http::RequestHead& head = in.reader.head();
    auto shown = only_field(head, http::Field::authorization);
    auto role = role_of(settings_(), shown.value_or(std::string_view()));
    if (!role) co_return unauthorized(shown.has_value());
    seats_.keep(ticket);
    auto request = read_request(head);
    if (!request) co_return problem(400, "The target is no path with a query, each parameter once.");
    in.request = std::move(*request);
    in.request.role = *role;
    std::optional<Answer> fault = co_await receive_body(socket, in);
    co_return fault;
}

http::Awaitable<std::optional<Answer>> Server::receive_body(http::Socket& socket, Incoming& in) {
    const http::RequestHead& head = in.reader.head();
    if (head.framing == http::Framing::none) co_return std::nullopt;
    if (head.framing != http::Framing::length) co_return problem(411, "A body needs a Content-Length.");
    bool of_service = in.request.path.size() > 1 && in.request.path[1] == "services";
    std::size_t most = of_service ? max_definition : max_body;
    if (head.content_length > most)
        co_return problem(413, "The body is more than " + std::to_string(most / 1024) + " KiB.");
    std::size_t length = static_cast<std::size_t>(head.content_length);
    if (head.expect_continue && in.bytes.size() < length) {
        auto interim = asio::buffer(std::string_view("HTTP/1.1 100 Continue\r\n\r\n"));
        co_await asio::async_write(socket, interim, http::use_result);
    }
    while (in.bytes.size() < length) {
        std::size_t room = 0;
        char* data = in.bytes.prepare(length - in.bytes.size(), &room);
        auto buffer = asio::buffer(data, room);
        auto [failed, count] = co_await socket.async_read_some(buffer, http::use_result);
        if (failed) co_return problem(400, "The body is not complete.");
        in.bytes.commit(count);
    }
    std::string_view text = in.bytes.view().substr(0, length);
    if (text.empty()) co_return std::nullopt;
    boost::system::error_code bad;
    boost::json::value value = boost::json::parse(text, bad);
    if (bad || !value.is_object()) co_return problem(400, "The body must be a JSON object.");
    in.request.body = std::move(value.as_object());
    co_return std::nullopt;
}

}  // namespace millrace::admin
