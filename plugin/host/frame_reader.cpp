#include "plugin/host/frame_reader.hpp"

#include <algorithm>
#include <cstring>

namespace millrace::host {

std::span<char> FrameReader::prepare(std::size_t least) {
    if (start_ > 0) {
        std::memmove(buffer_.data(), buffer_.data() + start_, filled_ - start_);
        filled_ -= start_;
        scanned_ -= start_;
        start_ = 0;
    }
    if (buffer_.size() < filled_ + least) buffer_.resize(std::max(filled_ + least, buffer_.size() * 2));
    return {buffer_.data() + filled_, buffer_.size() - filled_};
}

void FrameReader::commit(std::size_t bytes_read) { filled_ += bytes_read; }

std::optional<std::string_view> FrameReader::next() {
    while (true) {
        const std::string_view unread(buffer_.data() + scanned_, filled_ - scanned_);
        const std::size_t end = unread.find("\n\n");
        if (end == std::string_view::npos) {
            // The last byte may be the first half of a terminator.
            if (!unread.empty()) scanned_ = filled_ - (unread.back() == '\n' ? 1 : 0);
            return std::nullopt;
        }
        const std::string_view message(buffer_.data() + start_, scanned_ + end - start_);
        scanned_ += end + 2;
        start_ = scanned_;
        if (message.find_first_not_of(" \t\r\n") != std::string_view::npos) return message;
    }
}

}  // namespace millrace::host
