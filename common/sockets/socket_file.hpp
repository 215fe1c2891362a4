// The file of a listening unix socket: put in place of a stale one, never in place of one that is served; removed in
// the end.
#pragma once

#include <sys/types.h>
#include <time.h>

#include <string>

#include "common/result/error.hpp"

namespace millrace {

enum class SocketErrc {
    in_use = 1,    // another process serves this socket
    not_a_socket,  // something else stands there
    failed,        // the system refused
};

// A listening socket and the file it stands at. Closes the one and removes the other, if it is still ours.
class SocketFile {
  public:
    // The file has `mode` from the first moment on, whatever the umask. Errors: SocketErrc.
    static Result<SocketFile> listen(const std::string& path, mode_t mode = 0660);

    SocketFile(SocketFile&& other) noexcept;
    SocketFile& operator=(SocketFile&&) = delete;
    ~SocketFile();

    // The descriptor, for whoever accepts; from then on theirs to close.
    [[nodiscard]] int release();

    void remove();

  private:
    SocketFile(std::string path, int descriptor);

    std::string path_;
    int descriptor_ = -1;
    dev_t device_ = 0;
    ino_t inode_ = 0;
    timespec made_at_{};  // inode numbers are used again
};

template <>
struct ErrcText<SocketErrc> {
    static constexpr const char* domain = "millrace.socket";
    static const char* text(SocketErrc errc);
};

}  // namespace millrace
