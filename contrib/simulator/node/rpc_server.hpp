// A unix socket on which JSON-RPC requests come in: many connections, requests pipelined, answers in any order.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "contrib/simulator/node/reply.hpp"

namespace millrace::sim {

// One connection, as far as commands care.
class RpcSession {
  public:
    virtual ~RpcSession() = default;
    // Queues text to be written; dropped where the connection is gone.
    virtual void send(std::string text) = 0;
    // The connection sends no more requests to the server until `reply` has been given: what lightningd does to a
    // connection with notifications on, once its command has sent one.
    virtual void block_on(const Reply& reply) = 0;

    bool notifications = false;  // the `notifications` command switched them on
};

struct RpcRequest {
    std::string text;  // the whole request, as sent
    std::shared_ptr<RpcSession> session;
};

class RpcServer {
  public:
    using Handler = std::function<void(RpcRequest)>;

    // Listens at `path`, replacing a socket that is there. Throws boost::system::system_error where it cannot.
    RpcServer(boost::asio::io_context& io, const std::string& path, Handler handler);
    // Closes all connections and removes the socket.
    ~RpcServer();
    // Takes no more connections and removes the socket; those that are there go on.
    void stop_listening();
    RpcServer(const RpcServer&) = delete;
    RpcServer& operator=(const RpcServer&) = delete;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace millrace::sim
