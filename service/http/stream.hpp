// A TCP or unix connection, with or without TLS on it.
//
// Small writes and reads are tried at once, without a trip through the event loop; what cannot be done at once is
// awaited. One read and one write may be under way at the same time. Who reads holds the stream's Reading, of which
// there is one:
//
//   Stream::Reading client = stream.reading();
//   auto [failed, count] = co_await client.read_some(data, size);
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "service/http/polled_socket.hpp"

namespace millrace::http {

class Stream {
  public:
    using ReadResult = std::tuple<ErrorCode, std::size_t>;
    using Tls = asio::ssl::stream<PolledSocket&>;

    class Read;

    // The right to read, and to do what reads beside other things. It may be handed on; nobody else reads before it is
    // gone. One that is of no stream (any more) answers each call with asio::error::in_progress.
    class Reading {
      public:
        Reading() = default;
        Reading(Reading&& other) noexcept;
        Reading& operator=(Reading&&) = delete;
        ~Reading();

        explicit operator bool() const { return stream_ != nullptr; }

        [[nodiscard]] Read read_some(char* data, std::size_t size);
        // What is there already: would_block where there is nothing, and always under TLS.
        std::size_t read_now(char* data, std::size_t size, ErrorCode& error);
        // Reads what nobody looks at, of the connection below TLS.
        [[nodiscard]] Read drop_some(char* data, std::size_t size);
        // Waits for bytes, without needing memory for them; plain connections only. Not of an empty one.
        [[nodiscard]] PolledSocket::Wait wait_readable();

        Awaitable<ErrorCode> handshake(asio::ssl::stream_base::handshake_type side);
        // Tells the peer that the TLS session ends in order, and waits for it to say so; nothing on a plain connection.
        Awaitable<> end_tls();

      private:
        friend class Stream;
        explicit Reading(Stream& stream) : stream_(&stream) { stream.reading_ = this; }
        Stream* stream_ = nullptr;
    };

    // Of a connection, or one that is to connect.
    explicit Stream(Socket socket);
    explicit Stream(Executor executor) : socket_(executor) {}
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // Empty where somebody else holds it, which is a mistake of the caller's and logged.
    [[nodiscard]] Reading reading();

    // Opens a socket for it where there is none, which may be what fails: see is_shortage().
    Awaitable<ErrorCode> connect(const Endpoint& endpoint);

    [[nodiscard]] bool tls() const { return tls_ != nullptr; }

    // Puts TLS on the connection; a handshake is then to be awaited.
    void start_tls(asio::ssl::context& context);
    // Before a client's handshake: the name the server's certificate must have.
    void name_server(const std::string& host);
    // Why the handshake did not believe the server's certificate; empty where that was not the reason.
    [[nodiscard]] std::string distrust() const;

    // Writes what can be written at once of `first` and then `second`, and shortens them; would_block where something
    // is left.
    void write_now(std::string_view& first, std::string_view& second, ErrorCode& error);
    // Writes all of it.
    Awaitable<ErrorCode> write_rest(std::string_view first, std::string_view second);

    // Ends pending operations with operation_aborted.
    void cancel();
    // Tells the peer that nothing more will be sent.
    void shutdown_send();
    // Ends both directions, for whoever reads or writes as well.
    void shutdown();
    void close();

    // Tells `watch` when the peer goes, without reading; null: nobody any more. Who watches takes itself back before it
    // goes, or before the stream does.
    void watch_peer(PeerWatch* watch) { socket_.watch_peer(watch); }

    // Whether the peer has closed the connection, or its side of it, as far as the event loop knows; what it sent
    // before may still be unread.
    [[nodiscard]] bool peer_left() const { return socket_.peer_left(); }

    // False where the peer has closed an idle connection, or sent what nobody asked for.
    [[nodiscard]] bool quiet() { return socket_.quiet(); }

  private:
    PolledSocket socket_;
    std::unique_ptr<Tls> tls_;
    Reading* reading_ = nullptr;  // who reads
};

inline PolledSocket::Wait Stream::Reading::wait_readable() {
    return stream_->socket_.wait(PolledSocket::For::reading);
}

// Of a plain connection without a coroutine of its own.
class Stream::Read {
  public:
    Read(PolledSocket& socket, char* data, std::size_t size) : plain_(std::in_place, socket, data, size) {}
    explicit Read(Awaitable<ReadResult> other) : other_(std::move(other)) {}

    bool await_ready() { return plain_ && plain_->await_ready(); }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> caller) {
        if (!plain_) return other_->await_suspend(caller);
        plain_->await_suspend(caller);
        return std::noop_coroutine();
    }
    ReadResult await_resume() { return plain_ ? plain_->await_resume() : other_->await_resume(); }

  private:
    std::optional<PolledSocket::Read> plain_;
    std::optional<Awaitable<ReadResult>> other_;
};

}  // namespace millrace::http
