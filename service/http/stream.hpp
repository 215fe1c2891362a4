// A TCP or unix connection, with or without TLS on it.
//
// Small writes and reads are tried at once, without a trip through the event loop; what cannot be done at once is
// awaited. One read and one write may be under way at the same time.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "service/http/asio.hpp"

namespace millrace::http {

class Stream {
  public:
    using ReadResult = std::tuple<ErrorCode, std::size_t>;
    using Tls = asio::ssl::stream<Socket&>;

    explicit Stream(Socket socket);

    [[nodiscard]] Socket& socket() { return socket_; }
    [[nodiscard]] bool tls() const { return tls_ != nullptr; }

    // Puts TLS on the connection; the handshake is then to be awaited.
    void start_tls(asio::ssl::context& context);
    // Before a client's handshake: the name the server's certificate must have.
    void name_server(const std::string& host);
    // Why the handshake did not believe the server's certificate; empty where that was not the reason.
    [[nodiscard]] std::string distrust() const;
    Awaitable<ErrorCode> handshake(asio::ssl::stream_base::handshake_type side);

    // Waits for bytes, without needing memory for them; plain connections only.
    Awaitable<std::tuple<ErrorCode>> wait_readable() { return socket_.async_wait(Socket::wait_read, use_result); }

    Awaitable<ReadResult> read_some(char* data, std::size_t size);

    // What is there already: would_block where there is nothing, and always under TLS.
    std::size_t read_now(char* data, std::size_t size, ErrorCode& error);

    // Writes what can be written at once of `first` and then `second`, and shortens them; would_block where something
    // is left.
    void write_now(std::string_view& first, std::string_view& second, ErrorCode& error);
    // Writes all of it.
    Awaitable<ErrorCode> write_rest(std::string_view first, std::string_view second);

    // Tells the peer that the TLS session ends in order; nothing on a plain connection.
    Awaitable<> end_tls();

    // Ends pending operations with operation_aborted.
    void cancel();
    // Tells the peer that nothing more will be sent.
    void shutdown_send();
    void close();

    // Whether the peer has closed the connection, or its side of it; what it sent before may still be unread.
    [[nodiscard]] bool peer_left();

    // False where the peer has closed an idle connection, or sent what nobody asked for.
    [[nodiscard]] bool quiet();

  private:
    Socket socket_;
    std::unique_ptr<Tls> tls_;
};

}  // namespace millrace::http
