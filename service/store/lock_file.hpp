// Who may write to a database file: one process at a time.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace millrace::store {

// The writer's lock: a file beside the database, held until the store closes.
class LockFile {
  public:
    explicit LockFile(const std::filesystem::path& database)
        : descriptor_(::open((database.string() + ".lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0640)) {
        held_ = descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
        error_ = held_ ? 0 : errno;
    }
    LockFile(const LockFile&) = delete;
    LockFile& operator=(const LockFile&) = delete;
    ~LockFile() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    [[nodiscard]] bool held() const { return held_; }
    [[nodiscard]] int error() const { return error_; }

  private:
    int descriptor_;
    bool held_ = false;
    int error_ = 0;
};

}  // namespace millrace::store
