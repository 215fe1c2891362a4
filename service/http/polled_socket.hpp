// A socket whose readiness is remembered: it is registered once, edge-triggered, and told when it has become readable
// or writable. What the last read has emptied is not read again before the kernel says that there is more, so that a
// request on a kept connection costs two reads and two writes and nothing else.
//
//   PolledSocket socket(executor, descriptor);
//   std::size_t count = socket.read_now(data, size, error);           would_block costs no system call
//   auto [failed, count] = co_await socket.read(data, size);
//
// Lives on the thread of its io_context. One read and one write may be under way at a time. Also a stream as
// asio::ssl::stream wants it below.
#pragma once

#include <sys/epoll.h>
#include <sys/uio.h>

#include <array>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "service/http/asio.hpp"

namespace millrace::http {

class PolledSocket;

// Who is told that the peer went. It is told from the event loop, or while it begins to watch.
class PeerWatch {
  public:
    // `reset`: the whole connection, else the peer's side of it. May be told several times.
    virtual void peer_went(bool reset) = 0;

  protected:
    ~PeerWatch() = default;
};

// What waits for a socket. It is completed or abandoned, once, and goes with that.
class Operation {
  public:
    virtual void complete(ErrorCode error, std::size_t count) = 0;
    // With its io_context: nobody hears of it.
    virtual void abandon() = 0;

  protected:
    ~Operation() = default;
};

// The epoll of one io_context's sockets, within that of the io_context.
class Poller : public asio::execution_context::service {
  public:
    using key_type = Poller;
    static asio::execution_context::id id;

    explicit Poller(asio::execution_context& context);
    ~Poller() override;
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

  private:
    friend class PolledSocket;
    static constexpr std::size_t batch_size = 128;

    void shutdown() override;
    bool add(PolledSocket& socket, std::uint32_t events, ErrorCode& error);
    void remove(PolledSocket& socket);
    // Somebody waits, so that the kernel is to be asked; one call of forget() for each.
    void expect();
    void forget();
    void ask();
    bool look();
    void look_soon();

    Executor executor_;
    int epoll_;
    asio::posix::basic_stream_descriptor<Executor> own_;  // of the epoll, for the io_context
    PolledSocket* first_ = nullptr;
    std::array<epoll_event, batch_size> batch_{};
    int batch_count_ = 0;  // while it is worked through
    std::size_t waiting_ = 0;
    bool asking_ = false;
};

class PolledSocket {
  public:
    using executor_type = Executor;
    using lowest_layer_type = PolledSocket;

    // Not open yet.
    explicit PolledSocket(Executor executor);
    // Of a connection, which it takes over. Where the kernel does not watch it, each read ends with that error.
    PolledSocket(Executor executor, int descriptor);
    ~PolledSocket();
    PolledSocket(const PolledSocket&) = delete;
    PolledSocket& operator=(const PolledSocket&) = delete;

    [[nodiscard]] executor_type get_executor() const { return executor_; }
    lowest_layer_type& lowest_layer() { return *this; }
    [[nodiscard]] const lowest_layer_type& lowest_layer() const { return *this; }

    // Opens a socket where there is none, and begins to connect; would_block: wait for it to be writable, and ask
    // connected().
    ErrorCode connect_now(const Endpoint& endpoint);
    [[nodiscard]] ErrorCode connected() const;

    // 0 with would_block: there is nothing, asio::error::eof: nothing will come any more.
    std::size_t read_now(char* data, std::size_t size, ErrorCode& error);
    // What the kernel takes at once, would_block where that is nothing.
    std::size_t write_now(std::span<const iovec> parts, ErrorCode& error);

    // For asio::ssl::stream. Of a sequence of buffers the first that is not empty; nothing at once where all are.
    template <class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        return asio::async_initiate<Token, void(ErrorCode, std::size_t)>(
            [this](auto handler, const asio::mutable_buffer& into) { begin_read(hold(std::move(handler)), into); },
            token, first_of<asio::mutable_buffer>(buffers));
    }
    template <class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        return asio::async_initiate<Token, void(ErrorCode, std::size_t)>(
            [this](auto handler, const asio::const_buffer& from) { begin_write(hold(std::move(handler)), from); },
            token, first_of<asio::const_buffer>(buffers));
    }
    // For coroutines, without a handler. What is there is read at once, and a few times only before others have their
    // turn.
    class Read;
    class Wait;
    enum class For { reading, writing };
    // co_await answers a tuple of error and count.
    [[nodiscard]] Read read(char* data, std::size_t size);
    // co_await answers the error.
    [[nodiscard]] Wait wait(For what);

    // Ends what is under way with operation_aborted, from the event loop.
    void cancel();
    void shutdown(int how);  // SHUT_RD, ...
    void close();

    // Whether the peer has closed its side or reset the connection, as far as the kernel has told.
    [[nodiscard]] bool peer_left() const { return side_closed_ || reset_; }
    // False where the peer has closed an idle connection, or sent what nobody asked for.
    [[nodiscard]] bool quiet();
    // Null: nobody any more. `watch` must outlive the socket, or be taken back.
    void watch_peer(PeerWatch* watch);

  private:
    friend class Poller;

    struct Pending {
        Operation* operation = nullptr;
        std::optional<asio::mutable_buffer> into;  // with neither it waits only
        std::optional<asio::const_buffer> from;
    };

    // A completion handler of Asio's kind.
    template <class Handler>
    class Held final : public Operation {
      public:
        explicit Held(Handler handler) : handler_(std::move(handler)) {}
        void complete(ErrorCode error, std::size_t count) override {
            Handler handler(std::move(handler_));
            delete this;
            std::move(handler)(error, count);
        }
        void abandon() override { delete this; }

      private:
        Handler handler_;
    };

    template <class Handler>
    static Operation& hold(Handler handler) {
        return *new Held<Handler>(std::move(handler));
    }

    template <class Buffer, class Buffers>
    static Buffer first_of(const Buffers& buffers) {
        for (auto one = asio::buffer_sequence_begin(buffers); one != asio::buffer_sequence_end(buffers); ++one) {
            Buffer buffer(*one);
            if (buffer.size() > 0) return buffer;
        }
        return {};
    }

    std::size_t read_into(const asio::mutable_buffer& into, ErrorCode& error);
    std::size_t write_from(const asio::const_buffer& from, ErrorCode& error);
    bool start_polling(std::uint32_t events);
    void begin_read(Operation& operation, const std::optional<asio::mutable_buffer>& into);
    void begin_write(Operation& operation, const std::optional<asio::const_buffer>& from);
    void complete_later(Operation& operation, ErrorCode error, std::size_t count);
    Operation* take(Pending& pending);
    void note(std::uint32_t events);
    void go_on();
    void tell_watch();

    Executor executor_;
    Poller* poller_;
    PolledSocket* previous_ = nullptr;  // of the poller's
    PolledSocket* next_ = nullptr;
    Pending read_;
    Pending write_;
    PeerWatch* watch_ = nullptr;
    ErrorCode failed_;  // the kernel does not watch it
    int descriptor_ = -1;
    static constexpr unsigned turns_in_a_row = 16;
    unsigned turns_ = turns_in_a_row;  // reads at once before the event loop has its turn
    bool stream_of_bytes_ = false;     // TCP, of which a short read has read all
    bool polled_ = false;
    bool polls_write_ = false;
    bool readable_ = false;
    bool writable_ = true;
    bool side_closed_ = false;
    bool reset_ = false;
    bool tell_ = false;  // the watch, of one of these two
};

// What waits is a coroutine, and this is in its frame.
class WaitingCoroutine : public Operation {
  public:
    void complete(ErrorCode error, std::size_t count) final {
        error_ = error;
        count_ = count;
        caller_->resume();
    }
    void abandon() final { caller_->destroy_chain(); }

  protected:
    WaitingCoroutine() = default;
    ~WaitingCoroutine() = default;

    async::Caller* caller_ = nullptr;
    ErrorCode error_;
    std::size_t count_ = 0;
};

class PolledSocket::Read final : public WaitingCoroutine {
  public:
    Read(PolledSocket& socket, char* data, std::size_t size) : socket_(socket), data_(data), size_(size) {}

    bool await_ready() {
        if (socket_.turns_ == 0) return false;
        count_ = socket_.read_now(data_, size_, error_);
        if (error_ == asio::error::would_block) return false;
        --socket_.turns_;
        return true;
    }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        caller_ = &caller.promise();
        socket_.turns_ = turns_in_a_row;
        socket_.begin_read(*this, asio::mutable_buffer(data_, size_));
    }
    std::tuple<ErrorCode, std::size_t> await_resume() const { return {error_, count_}; }

  private:
    PolledSocket& socket_;
    char* data_;
    std::size_t size_;
};

class PolledSocket::Wait final : public WaitingCoroutine {
  public:
    Wait(PolledSocket& socket, For what) : socket_(socket), what_(what) {}

    static bool await_ready() noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        caller_ = &caller.promise();
        if (what_ == For::reading)
            socket_.begin_read(*this, std::nullopt);
        else
            socket_.begin_write(*this, std::nullopt);
    }
    [[nodiscard]] ErrorCode await_resume() const { return error_; }

  private:
    PolledSocket& socket_;
    For what_;
};

inline PolledSocket::Read PolledSocket::read(char* data, std::size_t size) {
    return {*this, data, size};
}

inline PolledSocket::Wait PolledSocket::wait(For what) {
    return {*this, what};
}

}  // namespace millrace::http
