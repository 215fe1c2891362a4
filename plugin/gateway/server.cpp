#include "plugin/gateway/server.hpp"

#include <utility>

namespace millrace::gateway {

namespace asio = boost::asio;
using asio::local::stream_protocol;

namespace {

constexpr std::chrono::seconds retry_interval{5};
constexpr std::chrono::milliseconds accept_pause{100};  // after an error, of which "too many files" is the usual one
constexpr std::size_t max_clients = 64;

}  // namespace

Server::Server(asio::any_io_executor executor, std::string path, Services services)
    : executor_(executor), path_(std::move(path)), services_(std::move(services)), acceptor_(executor) {}

bool Server::open() {
    if (listening()) return true;
    auto file = SocketFile::listen(path_);
    if (!file) {
        if (!complained_) services_.log.warn("no gateway: " + file.error().message + "; trying again every few seconds");
        complained_ = true;
        return false;
    }
    file_.emplace(std::move(*file));
    acceptor_.assign(stream_protocol(), file_->release());
    services_.log.info("gateway listens on " + path_);
    return true;
}

asio::awaitable<void> Server::run() {
    while (!closed_ && !open()) co_await host::pause(executor_, retry_interval);
    co_await accept();
}

asio::awaitable<void> Server::accept() {
    while (!closed_) {
        boost::system::error_code error;
        stream_protocol::socket socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
        if (closed_) break;
        if (error) {
            co_await host::pause(executor_, accept_pause);
            continue;
        }
        if (sessions_.size() >= max_clients) {
            services_.log.warn("a gateway client was turned away: there are " + std::to_string(max_clients) + " already");
            continue;
        }
        const auto session = std::make_shared<Session>(std::move(socket), services_, [this](Session* ended) {
            sessions_.erase(ended->shared_from_this());
        });
        sessions_.insert(session);
        session->start();
    }
}

void Server::close() {
    closed_ = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    file_.reset();
    for (const std::shared_ptr<Session>& session : std::set(sessions_)) session->close();
}

void Server::wake() {
    for (const std::shared_ptr<Session>& session : sessions_) session->wake();
}

void Server::send_keys() {
    for (const std::shared_ptr<Session>& session : std::set(sessions_)) session->send_keys();
}

std::vector<Server::Client> Server::clients() const {
    std::vector<Client> clients;
    for (const std::shared_ptr<Session>& session : sessions_) {
        if (!session->client().empty()) clients.push_back({session->client(), session->subscribed()});
    }
    return clients;
}

}  // namespace millrace::gateway
