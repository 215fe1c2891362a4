#include "service/front/client_watch.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cerrno>
#include <system_error>

namespace millrace::front {

Departures::Departures(http::Executor executor) : executor_(executor), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

Departures::~Departures() {
    ::close(epoll_);
}

http::Awaitable<> Departures::run() {
    // The descriptor is the coroutine's, and goes with it; the epoll behind it stays.
    const int own = ::dup(epoll_);
    if (own < 0) throw std::system_error(errno, std::generic_category(), "dup");
    http::asio::posix::basic_stream_descriptor<http::Executor> waiting(executor_, own);
    std::array<epoll_event, 64> events{};
    for (;;) {
        auto [failed] = co_await waiting.async_wait(http::asio::posix::descriptor_base::wait_read, http::use_result);
        if (failed) co_return;
        const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 0);
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events.at(static_cast<std::size_t>(i));
            auto watch = watches_.find(event.data.fd);
            if (watch != watches_.end()) watch->second->peer_went((event.events & (EPOLLERR | EPOLLHUP)) != 0);
        }
    }
}

bool Departures::add(int descriptor, ClientWatch& watch) {
    epoll_event event{};
    event.events = EPOLLRDHUP;
    event.data.fd = descriptor;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) return false;
    watches_[descriptor] = &watch;
    return true;
}

void Departures::expect_reset(int descriptor) {
    epoll_event event{};  // errors are told always
    event.data.fd = descriptor;
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, descriptor, &event);
}

void Departures::remove(int descriptor) {
    watches_.erase(descriptor);
    epoll_event ignored{};
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, &ignored);
}

void ClientWatch::begin(http::Stream& client, http::Stream& upstream, std::chrono::milliseconds half_closed,
                        bool whole) {
    end();
    upstream_ = &upstream;
    descriptor_ = client.native_handle();
    half_closed_ = half_closed;
    whole_ = whole;
    closed_its_side_ = false;
    left_ = false;
    patience_.arm<&ClientWatch::lose_patience>(http::Watchdog::period, *this);
}

void ClientWatch::end() {
    if (!upstream_) return;
    if (looking_) departures_.remove(descriptor_);
    looking_ = false;
    patience_.disarm();
    upstream_ = nullptr;
}

void ClientWatch::request_is_whole() {
    whole_ = true;
    touch();
}

void ClientWatch::touch() {
    if (!upstream_ || !closed_its_side_ || !whole_) return;
    patience_.arm<&ClientWatch::lose_patience>(half_closed_, *this);
}

// The wait lasts, or a client that has closed its side waited for long enough.
void ClientWatch::lose_patience() {
    patience_.disarm();
    if (closed_its_side_) {
        leave();
    } else {
        looking_ = departures_.add(descriptor_, *this);
    }
}

void ClientWatch::peer_went(bool reset) {
    if (reset) {
        leave();
        return;
    }
    closed_its_side_ = true;
    departures_.expect_reset(descriptor_);
    touch();
}

void ClientWatch::leave() {
    http::Stream& upstream = *upstream_;
    end();
    left_ = true;
    upstream.cancel();
}

}  // namespace millrace::front
