#include "service/store/file_guard.hpp"

namespace millrace::store {

FileGuard::FileGuard(const std::filesystem::path& file, std::function<bool()> same_content)
    : files_{{{file.string()}, {file.string() + "-wal"}, {file.string() + "-shm"}, {file.string() + ".lock"}}},
      same_content_(std::move(same_content)) {
    (void)fault();
}

std::optional<std::string> FileGuard::fault() {
    struct ::stat database {};
    for (Watched& one : files_) {
        struct ::stat now {};
        const bool there = ::stat(one.path.c_str(), &now) == 0;
        if (&one == files_.data()) database = now;
        if (there && one.inode == 0) {
            one.device = now.st_dev;
            one.inode = now.st_ino;
        }
        if (one.inode == 0 || (there && now.st_ino == one.inode && now.st_dev == one.device)) continue;
        return "the store's file " + one.path + (there ? " was replaced" : " was moved away or deleted") +
               " while it was in use: put it back, or restart millraced to go on with what is there";
    }
    if (content_changed(database))
        return "the store's file " + files_.front().path +
               " was overwritten while it was in use: stop millraced and restore the file";
    return std::nullopt;
}

// A file that is ours is read again only after the next change.
bool FileGuard::content_changed(const struct ::stat& now) {
    const bool changed =
        now.st_mtim.tv_sec != written_.tv_sec || now.st_mtim.tv_nsec != written_.tv_nsec || now.st_size != size_;
    if (!changed) return false;
    const bool same = same_content_();
    if (same) {
        written_ = now.st_mtim;
        size_ = now.st_size;
    }
    return !same;
}

}  // namespace millrace::store
