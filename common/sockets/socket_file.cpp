#include "common/sockets/socket_file.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace millrace {

const char* ErrcText<SocketErrc>::text(SocketErrc errc) {
    switch (errc) {
        case SocketErrc::in_use:
            return "another process serves this socket";
        case SocketErrc::not_a_socket:
            return "something that is not a socket stands there";
        case SocketErrc::failed:
            return "the socket cannot be opened";
    }
    return "unknown error of a socket";
}

namespace {

Error system_error(const std::string& path) {
    return fail(SocketErrc::failed, path + ": " + std::strerror(errno));
}

// A sockaddr_un holds 107 characters; a longer path is reached through its folder's descriptor.
class Address {
  public:
    explicit Address(const std::string& path) {
        address_.sun_family = AF_UNIX;
        std::string name = path;
        if (name.size() >= sizeof address_.sun_path) {
            const std::size_t slash = path.rfind('/');
            folder_ = ::open(path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
            name = "/proc/self/fd/" + std::to_string(folder_) + path.substr(slash);
        }
        fits_ = name.size() < sizeof address_.sun_path;
        if (fits_) std::memcpy(address_.sun_path, name.c_str(), name.size() + 1);
    }
    Address(const Address&) = delete;
    Address& operator=(const Address&) = delete;
    ~Address() {
        if (folder_ >= 0) ::close(folder_);
    }

    [[nodiscard]] bool fits() const { return fits_; }
    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
    [[nodiscard]] static socklen_t size() { return sizeof(sockaddr_un); }

  private:
    sockaddr_un address_{};
    int folder_ = -1;
    bool fits_ = false;
};

// Makes room for a socket at `path`: a stale one is removed.
std::optional<Error> clear(const std::string& path, const Address& address) {
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0) {
        if (errno == ENOENT) return std::nullopt;
        return system_error(path);
    }
    if (!S_ISSOCK(found.st_mode)) return fail(SocketErrc::not_a_socket, path);

    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) return system_error(path);
    const int connected = ::connect(probe, address.get(), Address::size());
    const int why = errno;
    ::close(probe);
    // A full backlog (EAGAIN) is a server, too.
    if (connected == 0 || why != ECONNREFUSED) return fail(SocketErrc::in_use, path);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error(path);
    return std::nullopt;
}

}  // namespace

SocketFile::SocketFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {
    struct stat made {};
    if (::lstat(path_.c_str(), &made) == 0) {
        device_ = made.st_dev;
        inode_ = made.st_ino;
        made_at_ = made.st_mtim;
    }
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)),
      device_(other.device_),
      inode_(other.inode_),
      made_at_(other.made_at_) {}

SocketFile::~SocketFile() {
    remove();
    if (descriptor_ >= 0) ::close(descriptor_);
}

Result<SocketFile> SocketFile::listen(const std::string& path, mode_t mode) {
    const Address address(path);
    if (!address.fits()) return fail(SocketErrc::failed, path + ": the name is too long");
    if (const auto blocked = clear(path, address)) return *blocked;

    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return system_error(path);
    // bind() gives the file the socket's own mode, less the umask: never more than `mode`. chmod() adds what the umask
    // took.
    const bool bound = ::fchmod(descriptor, mode) == 0 && ::bind(descriptor, address.get(), Address::size()) == 0;
    const int why = errno;
    if (!bound) {
        ::close(descriptor);
        errno = why;
        if (why == EADDRINUSE) return fail(SocketErrc::in_use, path);
        return system_error(path);
    }
    SocketFile file(path, descriptor);
    if (::chmod(path.c_str(), mode) != 0 || ::listen(descriptor, SOMAXCONN) != 0) return system_error(path);
    return file;
}

int SocketFile::release() {
    return std::exchange(descriptor_, -1);
}

void SocketFile::remove() {
    if (path_.empty()) return;
    struct stat found {};
    const bool ours = ::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_ &&
                      found.st_mtim.tv_sec == made_at_.tv_sec && found.st_mtim.tv_nsec == made_at_.tv_nsec;
    if (ours) ::unlink(path_.c_str());
    path_.clear();
}

}  // namespace millrace
