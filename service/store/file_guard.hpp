// Whether the database is still the one that was opened. SQLite goes on in a file that was moved away or deleted: what it
// commits there is gone with the next restart, and paid uses are back.
//
//   FileGuard guard("/var/lib/millraced/millrace.db", [] { ... });
//   if (auto fault = guard.fault()) ...   *fault: what happened, and what to do
//
// Looked at: database, write-ahead log, shared memory and lock file by device and inode, and, where the database was written since the
// last look, whether `same_content` says that it is still ours (a file that is copied over keeps its inode). A few
// system calls; the writer's thread alone.
#pragma once

#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace millrace::store {

class FileGuard {
  public:
    // Once the database is open and its log is there.
    FileGuard(const std::filesystem::path& file, std::function<bool()> same_content);

    // Empty where all is as it was.
    [[nodiscard]] std::optional<std::string> fault();

  private:
    struct Watched {
        std::string path;
        ::dev_t device = 0;
        ::ino_t inode = 0;  // 0: not there yet
    };
    [[nodiscard]] bool content_changed(const struct ::stat& database);

    std::array<Watched, 4> files_;  // the database in front
    std::function<bool()> same_content_;
    ::timespec written_{};
    ::off_t size_ = 0;
};

}  // namespace millrace::store
