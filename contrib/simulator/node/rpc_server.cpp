#include "contrib/simulator/node/rpc_server.hpp"

#include <sys/stat.h>

#include <array>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <deque>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "contrib/simulator/node/json_stream.hpp"

namespace millrace::sim {

namespace asio = boost::asio;
using Local = asio::local::stream_protocol;

namespace {

class Session;
using SessionSet = std::set<std::shared_ptr<Session>>;

class Session final : public RpcSession, public std::enable_shared_from_this<Session> {
  public:
    Session(Local::socket socket, RpcServer::Handler handler, std::weak_ptr<SessionSet> sessions)
        : socket_(std::move(socket)), handler_(std::move(handler)), sessions_(std::move(sessions)) {}

    void read() {
        socket_.async_read_some(asio::buffer(input_),
                                [self = shared_from_this()](boost::system::error_code error, std::size_t size) {
                                    if (error) return self->end_of_input();
                                    self->splitter_.feed({self->input_.data(), size});
                                    self->handle_input();
                                    if (!self->closed_) self->read();
                                });
    }

    void send(std::string text) override {
        if (closed_) return;
        output_.push_back(std::move(text));
        if (blocking_ && blocking_->answered()) {
            blocking_.reset();
            asio::post(socket_.get_executor(), [self = shared_from_this()] { self->handle_input(); });
        }
        if (output_.size() == 1) write();
    }

    void block_on(const Reply& reply) override {
        if (!reply.answered()) blocking_ = reply;
    }

    void close() {
        if (closed_) return;
        closed_ = true;
        boost::system::error_code ignored;
        socket_.close(ignored);
        if (const auto sessions = sessions_.lock()) sessions->erase(shared_from_this());
    }

  private:
    void handle_input() {
        while (!closed_ && !blocking_) {
            std::optional<std::string> text = splitter_.next();
            if (!text) break;
            handler_({std::move(*text), shared_from_this()});
        }
        if (splitter_.broken() && !closed_) {
            Reply("null", [this](std::string answer) {
                send(std::move(answer));
            }).error(rpc_code::invalid_request, "Invalid token in json input");
            closing_ = true;
        }
    }

    // A client that shuts down its sending side still gets its answers; one that is gone does not.
    void end_of_input() { close(); }

    void write() {
        asio::async_write(socket_, asio::buffer(output_.front()),
                          [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                              if (error) return self->close();
                              self->output_.pop_front();
                              if (!self->output_.empty()) return self->write();
                              if (self->closing_) self->close();
                          });
    }

    Local::socket socket_;
    RpcServer::Handler handler_;
    std::weak_ptr<SessionSet> sessions_;
    std::array<char, 65536> input_{};
    JsonSplitter splitter_;
    std::deque<std::string> output_;
    std::optional<Reply> blocking_;
    bool closing_ = false;
    bool closed_ = false;
};

}  // namespace

struct RpcServer::State : std::enable_shared_from_this<RpcServer::State> {
    State(asio::io_context& io, std::string socket_path, Handler request_handler)
        : acceptor(io), path(std::move(socket_path)), handler(std::move(request_handler)) {}

    void accept() {
        acceptor.async_accept([self = shared_from_this()](boost::system::error_code error, Local::socket socket) {
            if (error) return;
            auto session = std::make_shared<Session>(std::move(socket), self->handler, self->sessions);
            self->sessions->insert(session);
            session->read();
            self->accept();
        });
    }

    Local::acceptor acceptor;
    std::string path;
    Handler handler;
    std::shared_ptr<SessionSet> sessions = std::make_shared<SessionSet>();
};

RpcServer::RpcServer(asio::io_context& io, const std::string& path, Handler handler)
    : state_(std::make_shared<State>(io, path, std::move(handler))) {
    std::filesystem::remove(path);
    const Local::endpoint endpoint(path);
    state_->acceptor.open(endpoint.protocol());
    state_->acceptor.bind(endpoint);
    ::chmod(path.c_str(), S_IRUSR | S_IWUSR);
    state_->acceptor.listen();
    state_->accept();
}

void RpcServer::stop_listening() {
    if (!state_->acceptor.is_open()) return;
    boost::system::error_code ignored;
    state_->acceptor.close(ignored);
    std::filesystem::remove(state_->path);
}

RpcServer::~RpcServer() {
    stop_listening();
    const SessionSet sessions = *state_->sessions;
    for (const auto& session : sessions) session->close();
}

}  // namespace millrace::sim
