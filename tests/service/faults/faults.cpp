// Makes calls of the socket layer fail, in a process that is started with this library in LD_PRELOAD.
//
//   MILLRACE_FAULTS=FILE    a file of sizeof(Control) bytes, which whoever steers maps too (kit/fault_layer.py)
//
// While `mode` is 0 nothing fails. With 1, the calls `at` to `at + length - 1` of those in `calls` fail, counted from
// when `count` was set to 0; with 2, one of a million times `chance`, by a generator that `seed` begins. What fails sets
// errno to `error` and does nothing else. Calls go to the kernel directly, so that a sanitizer's own versions of them,
// in front of these, see what they would see from the kernel.

// Both of the C library's names of open() are defined here, so that neither may stand for the other.
#undef _FILE_OFFSET_BITS

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>

namespace {

enum class Call : std::uint32_t { socket, accept, connect, recv, send, epoll, open };

struct Control {
    std::atomic<std::uint32_t> mode;
    std::uint32_t calls;  // a bit each, by Call
    std::uint32_t error;
    std::uint32_t chance;
    std::uint64_t at;
    std::uint64_t length;
    std::atomic<std::uint64_t> count;     // of such calls
    std::atomic<std::uint64_t> injected;  // of those, how many failed
    std::atomic<std::uint64_t> seed;
};

Control* control = nullptr;

__attribute__((constructor)) void open_control() {
    const char* path = std::getenv("MILLRACE_FAULTS");
    if (!path) return;
    int file = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0));
    if (file < 0) std::abort();
    void* mapped = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::syscall(SYS_close, file);
    if (mapped == MAP_FAILED) std::abort();
    control = static_cast<Control*>(mapped);
}

std::uint64_t next_random() {  // splitmix64
    constexpr std::uint64_t step = 0x9e3779b97f4a7c15U;
    std::uint64_t z = control->seed.fetch_add(step) + step;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

bool fails(Call call) {
    if (!control) return false;
    std::uint32_t mode = control->mode.load();
    if (mode == 0 || (control->calls & (1U << static_cast<std::uint32_t>(call))) == 0) return false;
    std::uint64_t number = control->count.fetch_add(1) + 1;
    bool hit = mode == 1 ? number >= control->at && number - control->at < control->length
                         : next_random() % 1'000'000 < control->chance;
    if (!hit) return false;
    control->injected.fetch_add(1);
    errno = static_cast<int>(control->error);
    return true;
}

}  // namespace

extern "C" {

int socket(int domain, int type, int protocol) noexcept {
    if (fails(Call::socket)) return -1;
    return static_cast<int>(::syscall(SYS_socket, domain, type, protocol));
}

int accept4(int listener, sockaddr* address, socklen_t* length, int flags) {
    if (fails(Call::accept)) return -1;
    return static_cast<int>(::syscall(SYS_accept4, listener, address, length, flags));
}

int accept(int listener, sockaddr* address, socklen_t* length) {
    return accept4(listener, address, length, 0);
}

int connect(int socket, const sockaddr* address, socklen_t length) {
    if (fails(Call::connect)) return -1;
    return static_cast<int>(::syscall(SYS_connect, socket, address, length));
}

ssize_t recv(int socket, void* data, size_t size, int flags) {
    if (fails(Call::recv)) return -1;
    return ::syscall(SYS_recvfrom, socket, data, size, flags, nullptr, nullptr);
}

ssize_t recvmsg(int socket, msghdr* message, int flags) {
    if (fails(Call::recv)) return -1;
    return ::syscall(SYS_recvmsg, socket, message, flags);
}

ssize_t send(int socket, const void* data, size_t size, int flags) {
    if (fails(Call::send)) return -1;
    return ::syscall(SYS_sendto, socket, data, size, flags, nullptr, 0);
}

ssize_t sendmsg(int socket, const msghdr* message, int flags) {
    if (fails(Call::send)) return -1;
    return ::syscall(SYS_sendmsg, socket, message, flags);
}

ssize_t writev(int file, const iovec* parts, int count) {
    if (fails(Call::send)) return -1;
    return ::syscall(SYS_writev, file, parts, count);
}

int epoll_ctl(int poller, int operation, int file, epoll_event* event) noexcept {
    // To change what is watched takes no memory: only adding can fail.
    if (operation == EPOLL_CTL_ADD && fails(Call::epoll)) return -1;
    return static_cast<int>(::syscall(SYS_epoll_ctl, poller, operation, file, event));
}

int openat(int folder, const char* path, int flags, ...) {
    std::va_list more;
    va_start(more, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    if (fails(Call::open)) return -1;
    return static_cast<int>(::syscall(SYS_openat, folder, path, flags, mode));
}

int open(const char* path, int flags, ...) {
    std::va_list more;
    va_start(more, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return openat(AT_FDCWD, path, flags, mode);
}

int open64(const char* path, int flags, ...) __attribute__((alias("open")));
int openat64(int folder, const char* path, int flags, ...) __attribute__((alias("openat")));

}  // extern "C"
