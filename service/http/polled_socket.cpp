#include "service/http/polled_socket.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "service/async/spawn.hpp"

namespace millrace::http {
namespace {

constexpr std::uint32_t always = EPOLLIN | EPOLLRDHUP | EPOLLET;

ErrorCode last_error() {
    return {errno, boost::system::system_category()};
}

bool would_block() {
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

int open_epoll() {
    const int made = ::epoll_create1(EPOLL_CLOEXEC);
    if (made < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
    return made;
}

}  // namespace

asio::execution_context::id Poller::id;

Poller::Poller(asio::execution_context& context)
    : asio::execution_context::service(context),
      executor_(static_cast<asio::io_context&>(context).get_executor()),
      epoll_(open_epoll()),
      own_(executor_, epoll_) {}

Poller::~Poller() = default;  // the descriptor closes

// What is under way goes without a word, as asio's own operations do: with it whoever waits, and maybe the socket.
void Poller::shutdown() {
    while (first_) {
        PolledSocket& socket = *first_;
        remove(socket);
        Operation* read = std::exchange(socket.read_.operation, nullptr);
        Operation* write = std::exchange(socket.write_.operation, nullptr);
        if (read) read->abandon();
        if (write) write->abandon();
    }
}

bool Poller::add(PolledSocket& socket, std::uint32_t events, ErrorCode& error) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &socket;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket.descriptor_, &event) != 0) {
        error = last_error();
        return false;
    }
    socket.next_ = first_;
    if (first_) first_->previous_ = &socket;
    first_ = &socket;
    socket.polled_ = true;
    return true;
}

// Its descriptor may stay open: what was told of it already is forgotten.
void Poller::remove(PolledSocket& socket) {
    socket.polled_ = false;
    (socket.previous_ ? socket.previous_->next_ : first_) = socket.next_;
    if (socket.next_) socket.next_->previous_ = socket.previous_;
    socket.previous_ = socket.next_ = nullptr;
    for (int i = 0; i < batch_count_; ++i) {
        epoll_event& event = batch_[static_cast<std::size_t>(i)];
        if (event.data.ptr == &socket) event.data.ptr = nullptr;
    }
}

void Poller::expect() {
    ++waiting_;
    if (asking_ || batch_count_ > 0) return;
    ask();
    look_soon();  // what came while nobody asked was told to nobody
}

// With nobody who waits the io_context has nothing to wait for.
void Poller::forget() {
    --waiting_;
    ErrorCode ignored;
    if (waiting_ == 0 && asking_) own_.cancel(ignored);
}

void Poller::ask() {
    asking_ = true;
    own_.async_wait(asio::posix::descriptor_base::wait_read, [this](const ErrorCode& failed) {
        asking_ = false;
        const bool more = failed || look();
        if (waiting_ == 0) return;
        ask();
        if (more) look_soon();
    });
}

void Poller::look_soon() {
    asio::post(executor_, [this] {
        if (batch_count_ == 0 && look()) look_soon();
    });
}

// All of a batch is noted before anybody goes on: who takes an idle connection knows of what came on it earlier. True:
// there may be more, of which the io_context is not told again.
bool Poller::look() {
    const int count = ::epoll_wait(epoll_, batch_.data(), static_cast<int>(batch_.size()), 0);
    batch_count_ = std::max(count, 0);
    for (int i = 0; i < batch_count_; ++i) {
        const epoll_event& event = batch_[static_cast<std::size_t>(i)];
        static_cast<PolledSocket*>(event.data.ptr)->note(event.events);
    }
    for (int i = 0; i < batch_count_; ++i) {
        auto* socket = static_cast<PolledSocket*>(batch_[static_cast<std::size_t>(i)].data.ptr);
        if (!socket) continue;  // gone since
        try {
            socket->go_on();
        } catch (...) {
            async::log_exception("a connection's event", std::current_exception());
        }
    }
    batch_count_ = 0;
    return count == static_cast<int>(batch_.size());
}

PolledSocket::PolledSocket(Executor executor)
    : executor_(executor), poller_(&asio::use_service<Poller>(executor.context())) {}

PolledSocket::PolledSocket(Executor executor, int descriptor) : PolledSocket(executor) {
    descriptor_ = descriptor;
    int domain = 0;
    socklen_t size = sizeof domain;
    ::getsockopt(descriptor_, SOL_SOCKET, SO_DOMAIN, &domain, &size);
    stream_of_bytes_ = domain != AF_UNIX;
    start_polling(always);
}

PolledSocket::~PolledSocket() {
    if (watch_) watch_peer(nullptr);
    close();
}

bool PolledSocket::start_polling(std::uint32_t events) {
    polls_write_ = (events & EPOLLOUT) != 0;
    return poller_->add(*this, events, failed_);
}

ErrorCode PolledSocket::connect_now(const Endpoint& endpoint) {
    if (descriptor_ < 0) {
        const int family = endpoint.protocol().family();
        descriptor_ = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, endpoint.protocol().protocol());
        if (descriptor_ < 0) return last_error();
        stream_of_bytes_ = family != AF_UNIX;
    }
    if (::connect(descriptor_, endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0) {
        start_polling(always);
        return failed_;
    }
    // A unix socket whose backlog is full: nothing is in progress.
    if (errno == EAGAIN) return asio::error::connection_refused;
    if (errno != EINPROGRESS) return last_error();
    writable_ = false;
    if (!start_polling(always | EPOLLOUT)) return failed_;
    return asio::error::would_block;
}

ErrorCode PolledSocket::connected() const {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return last_error();
    return {error, boost::system::system_category()};
}

std::size_t PolledSocket::read_now(char* data, std::size_t size, ErrorCode& error) {
    error = failed_;
    if (error) return 0;
    if (!readable_) {
        error = asio::error::would_block;
        return 0;
    }
    for (;;) {
        const ssize_t got = ::recv(descriptor_, data, size, MSG_DONTWAIT);
        if (got > 0) {
            // Once the peer has closed its side no further edge comes: the end is still to be read.
            if (stream_of_bytes_ && static_cast<std::size_t>(got) < size && !peer_left()) readable_ = false;
            return static_cast<std::size_t>(got);
        }
        if (got == 0) {
            error = asio::error::eof;
            return 0;
        }
        if (errno == EINTR) continue;
        error = would_block() ? ErrorCode(asio::error::would_block) : last_error();
        if (would_block()) readable_ = false;
        return 0;
    }
}

std::size_t PolledSocket::write_now(std::span<const iovec> parts, ErrorCode& error) {
    error = {};
    if (!writable_) {
        error = asio::error::would_block;
        return 0;
    }
    for (;;) {
        ssize_t sent = 0;
        if (parts.size() == 1) {
            sent = ::send(descriptor_, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
        } else {
            msghdr message{};
            message.msg_iov = const_cast<iovec*>(parts.data());
            message.msg_iovlen = parts.size();
            sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        if (sent >= 0) return static_cast<std::size_t>(sent);
        if (errno == EINTR) continue;
        error = would_block() ? ErrorCode(asio::error::would_block) : last_error();
        if (would_block()) writable_ = false;
        return 0;
    }
}

// None of no bytes.
std::size_t PolledSocket::read_into(const asio::mutable_buffer& into, ErrorCode& error) {
    return into.size() > 0 ? read_now(static_cast<char*>(into.data()), into.size(), error) : 0;
}

std::size_t PolledSocket::write_from(const asio::const_buffer& from, ErrorCode& error) {
    if (from.size() == 0) return 0;
    const iovec part{const_cast<void*>(from.data()), from.size()};
    return write_now({&part, 1}, error);
}

namespace {

struct Abandon {
    void operator()(Operation* operation) const { operation->abandon(); }
};

}  // namespace

void PolledSocket::complete_later(Operation& operation, ErrorCode error, std::size_t count) {
    std::unique_ptr<Operation, Abandon> held(&operation);
    asio::post(executor_, [held = std::move(held), error, count]() mutable { held.release()->complete(error, count); });
}

void PolledSocket::begin_read(Operation& operation, const std::optional<asio::mutable_buffer>& into) {
    ErrorCode error = failed_;
    std::size_t count = 0;
    if (!error && into) count = read_into(*into, error);
    if (!error && !into && !readable_) error = asio::error::would_block;
    if (error != asio::error::would_block) return complete_later(operation, error, count);
    read_ = {&operation, into, std::nullopt};
    poller_->expect();
}

void PolledSocket::begin_write(Operation& operation, const std::optional<asio::const_buffer>& from) {
    ErrorCode error = failed_;
    std::size_t count = 0;
    if (!error && from) count = write_from(*from, error);
    if (!error && !from && !writable_) error = asio::error::would_block;
    if (error == asio::error::would_block && polled_ && !polls_write_) {
        epoll_event event{};
        event.events = always | EPOLLOUT;
        event.data.ptr = this;
        polls_write_ = ::epoll_ctl(poller_->epoll_, EPOLL_CTL_MOD, descriptor_, &event) == 0;
        if (!polls_write_) error = last_error();
    }
    if (error != asio::error::would_block) return complete_later(operation, error, count);
    write_ = {&operation, std::nullopt, from};
    poller_->expect();
}

Operation* PolledSocket::take(Pending& pending) {
    if (pending.operation) poller_->forget();
    return std::exchange(pending.operation, nullptr);
}

void PolledSocket::note(std::uint32_t events) {
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) readable_ = true;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) writable_ = true;
    const bool closed = (events & EPOLLRDHUP) != 0;
    const bool reset = (events & (EPOLLHUP | EPOLLERR)) != 0;
    tell_ = tell_ || (closed && !side_closed_) || (reset && !reset_);
    side_closed_ = side_closed_ || closed;
    reset_ = reset_ || reset;
}

// Reads and writes for who waits, and lets them go on: the last of them may end this socket, so that they are taken
// from it first.
void PolledSocket::go_on() {
    Operation* reader = nullptr;
    Operation* writer = nullptr;
    ErrorCode read_error;
    ErrorCode write_error;
    std::size_t read_count = 0;
    std::size_t write_count = 0;
    if (read_.operation && readable_) {
        if (read_.into) read_count = read_into(*read_.into, read_error);
        if (read_error != asio::error::would_block) reader = take(read_);
    }
    if (write_.operation && writable_) {
        if (write_.from) write_count = write_from(*write_.from, write_error);
        if (write_error != asio::error::would_block) writer = take(write_);
    }
    tell_watch();
    if (writer && reader) {
        complete_later(*writer, write_error, write_count);
    } else if (writer) {
        writer->complete(write_error, write_count);
        return;
    }
    if (reader) reader->complete(read_error, read_count);
}

void PolledSocket::tell_watch() {
    if (std::exchange(tell_, false) && watch_) watch_->peer_went(reset_);
}

void PolledSocket::cancel() {
    for (Pending* pending : {&read_, &write_}) {
        if (Operation* operation = take(*pending)) complete_later(*operation, asio::error::operation_aborted, 0);
    }
}

void PolledSocket::shutdown(int how) {
    if (descriptor_ >= 0) ::shutdown(descriptor_, how);
}

void PolledSocket::close() {
    cancel();
    if (polled_) poller_->remove(*this);
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
}

bool PolledSocket::quiet() {
    if (failed_ || peer_left() || descriptor_ < 0) return false;
    if (!readable_) return true;
    char byte = 0;
    const ssize_t peeked = ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (peeked >= 0 || !would_block()) return false;
    readable_ = false;
    return true;
}

void PolledSocket::watch_peer(PeerWatch* watch) {
    if (!watch_ && watch) poller_->expect();
    if (watch_ && !watch) poller_->forget();
    watch_ = watch;
    tell_ = peer_left();
    tell_watch();
}

}  // namespace millrace::http
