#include "plugin/gateway/server.hpp"

#include <sys/socket.h>

#include <utility>

namespace millrace::gateway {

namespace asio = boost::asio;
using asio::local::stream_protocol;

namespace {

constexpr std::chrono::seconds retry_interval{5};
constexpr std::chrono::milliseconds accept_pause{100};  // after an error, of which "too many files" is the usual one

// Who is at the other end: the user that connected.
uid_t user_of(int descriptor) {
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool known = ::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    return known ? peer.uid : static_cast<uid_t>(-1);
}

}  // namespace

Server::Server(asio::any_io_executor executor, std::string path, Services services, Places::Limits limits)
    : executor_(executor),
      path_(std::move(path)),
      services_(std::move(services)),
      acceptor_(executor),
      places_(limits) {}

bool Server::open() {
    if (listening()) return true;
    auto file = SocketFile::listen(path_);
    if (!file) {
        if (!trouble_) services_.log.warn("no gateway: " + file.error().message + "; trying again every few seconds");
        trouble_ = file.error().message;
        return false;
    }
    trouble_.reset();
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
        stream_protocol::socket socket =
            co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
        if (closed_) break;
        if (error) {
            co_await host::pause(executor_, accept_pause);
            continue;
        }
        admit(std::move(socket));
    }
}

void Server::admit(Session::Socket socket) {
    const Places::Entered entered = places_.enter(user_of(socket.native_handle()));
    part(entered.leaves);
    const Places::Id id = entered.id;
    Session::Watcher watcher;
    watcher.greeted = [this, id] {
        const Places::Greeted greeted = places_.greet(id);
        part(greeted.leaves);
        if (!greeted.stays) services_.log.warn("a gateway client was turned away: there are too many");
        return greeted.stays;
    };
    watcher.subscribed = [this, id] { places_.subscribe(id); };
    watcher.ended = [this, id] {
        places_.leave(id);
        sessions_.erase(id);
    };
    const auto session =
        std::make_shared<Session>(std::move(socket), services_, places_.limits().hello_patience, std::move(watcher));
    sessions_.emplace(id, session);
    session->start();
}

// Ends the session that makes room for another.
void Server::part(std::optional<Places::Id> id) {
    const auto found = id ? sessions_.find(*id) : sessions_.end();
    if (found == sessions_.end()) return;
    services_.log.debug("a gateway client makes room for another");
    const std::shared_ptr<Session> session = found->second;
    session->close();
}

void Server::close() {
    closed_ = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    file_.reset();
    for (const auto& [id, session] : std::map(sessions_)) session->close();
}

void Server::wake() {
    for (const auto& [id, session] : sessions_) session->wake();
}

void Server::send_keys() {
    for (const auto& [id, session] : std::map(sessions_)) session->send_keys();
}

std::vector<Server::Client> Server::clients() const {
    std::vector<Client> clients;
    for (const auto& [id, session] : sessions_) {
        if (!session->client().empty()) clients.push_back({session->client(), session->subscribed()});
    }
    return clients;
}

}  // namespace millrace::gateway
