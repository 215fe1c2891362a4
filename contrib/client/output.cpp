#include "contrib/client/output.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace millrace {

const char* ErrcText<client::OutputErrc>::text(client::OutputErrc errc) {
    switch (errc) {
        case client::OutputErrc::unusable:
            return "the response cannot be written";
    }
    return "unknown";
}

}  // namespace millrace

namespace millrace::client {
namespace {

constexpr mode_t file_mode = S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;  // less the umask

Error unusable(const std::string& name, int error) {
    return fail(OutputErrc::unusable, name + ": " + std::strerror(error));
}

}  // namespace

Result<Output> Output::open(const std::string& path) {
    if (path.empty() || path == "-") {
        const int flags = ::fcntl(STDOUT_FILENO, F_GETFL);
        const bool writable = flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
        if (!writable) return fail(OutputErrc::unusable, "standard output is not open for writing");
        return Output(STDOUT_FILENO, "standard output", false, false);
    }
    constexpr int flags = O_WRONLY | O_CLOEXEC | O_NOCTTY;
    int descriptor = ::open(path.c_str(), flags | O_CREAT | O_EXCL, file_mode);
    const bool made = descriptor >= 0;
    // One that is there: not truncated yet. O_CREAT again, for a link to a file that is not there.
    if (!made && errno == EEXIST) descriptor = ::open(path.c_str(), flags | O_CREAT, file_mode);
    if (descriptor < 0) return unusable(path, errno);
    struct stat info {};
    const bool file = ::fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode);
    return Output(descriptor, path, file, made);
}

Output::Output(int descriptor, std::string name, bool file, bool made)
    : descriptor_(descriptor), name_(std::move(name)), file_(file), made_(made), ours_(descriptor != STDOUT_FILENO) {}

Output::Output(Output&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      name_(std::move(other.name_)),
      file_(other.file_),
      made_(std::exchange(other.made_, false)),
      ours_(other.ours_),
      failure_(std::move(other.failure_)) {}

Output::~Output() {
    if (descriptor_ < 0) return;
    if (made_) ::unlink(name_.c_str());
    if (ours_) ::close(descriptor_);
}

Result<void> Output::start() {
    made_ = false;
    if (file_ && ::ftruncate(descriptor_, 0) != 0) note_failure();
    if (failure_) return *failure_;
    return {};
}

bool Output::write(std::string_view piece) {
    while (!failure_ && !piece.empty()) {
        const ssize_t written = ::write(descriptor_, piece.data(), piece.size());
        if (written >= 0) {
            piece.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno != EINTR) {
            note_failure();
        }
    }
    return !failure_;
}

Result<void> Output::finish() {
    if (!failure_ && file_ && ::fsync(descriptor_) != 0) note_failure();
    if (!failure_ && ours_ && ::close(std::exchange(descriptor_, -1)) != 0) note_failure();
    if (failure_) return *failure_;
    return {};
}

void Output::note_failure() {
    if (!failure_) failure_ = unusable(name_, errno);
}

}  // namespace millrace::client
