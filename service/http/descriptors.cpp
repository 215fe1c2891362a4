#include "service/http/descriptors.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

namespace millrace::http {
namespace {

// Beyond these the others wait in the kernel's queue for the next turn.
constexpr int most_turned_away = 32;
// Of a request that was sent already: closing over unread bytes would reset the connection under the answer.
constexpr int most_reads = 8;

int open_spare() {
    return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

}  // namespace

DescriptorPlan plan_descriptors(std::size_t limit, std::size_t own) {
    DescriptorPlan plan{limit, std::min(own, limit / 2), 0};
    plan.clients = std::max<std::size_t>(1, (limit - plan.own) / 2);
    return plan;
}

std::size_t limit_of_process() {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<std::size_t>(limit.rlim_cur) : 1024;
}

std::size_t open_in_process() {
    std::error_code unreadable;
    std::size_t count = 0;
    for (std::filesystem::directory_iterator entry("/proc/self/fd", unreadable), end; !unreadable && entry != end;
         entry.increment(unreadable))
        ++count;
    return count;
}

bool is_shortage(const ErrorCode& error) {
    if (error.category() != boost::system::system_category()) return false;
    switch (error.value()) {
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case ENOBUFS:
        case ENOSPC:  // of epoll_ctl: more is watched than the system allows
            return true;
        default:
            return false;
    }
}

Descriptors::Descriptors() : spare_(open_spare()) {}

Descriptors::~Descriptors() {
    if (spare_ >= 0) ::close(spare_);
}

void Descriptors::note_shortage(Clock::time_point now) {
    shortage_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
}

bool Descriptors::short_of_them(Clock::time_point now) const {
    const Clock::time_point last{Clock::duration(shortage_at_.load(std::memory_order_relaxed))};
    if (last != Clock::time_point::min() && now - last < memory) return true;
    const int probe = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    if (probe < 0) return errno == EMFILE || errno == ENFILE;
    ::close(probe);
    return false;
}

void Descriptors::turn_away(int listener, std::string_view text) {
    if (spare_ >= 0) ::close(spare_);
    for (int count = 0; count < most_turned_away; ++count) {
        const int connection = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (connection < 0) break;
        send_away(connection, text);
        ::close(connection);
    }
    spare_ = open_spare();
}

void send_away(int connection, std::string_view text) {
    std::array<char, 4096> unread;
    for (int count = 0; count < most_reads; ++count) {
        if (::recv(connection, unread.data(), unread.size(), MSG_DONTWAIT) <= 0) break;
    }
    if (!text.empty()) (void)::send(connection, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    ::shutdown(connection, SHUT_WR);
}

}  // namespace millrace::http
