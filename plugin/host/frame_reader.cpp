#include "plugin/host/frame_reader.hpp"

#include <algorithm>
#include <cstring>

namespace millrace::host {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

}  // namespace

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

void FrameReader::commit(std::size_t bytes_read) {
    filled_ += bytes_read;
}

std::optional<std::string_view> FrameReader::next() {
    if (scanned_ == start_) {
        while (start_ < filled_ && is_space(buffer_[start_])) ++start_;
        scanned_ = start_;
    }
    if (start_ == filled_ || !scan()) return std::nullopt;
    const std::string_view message(buffer_.data() + start_, scanned_ - start_);
    start_ = scanned_;
    return message;
}

bool FrameReader::scan() {
    while (scanned_ < filled_) {
        if (in_string_) {
            if (!scan_string()) return false;
            if (depth_ == 0) return true;
            continue;
        }
        const char c = buffer_[scanned_];
        if (depth_ == 0 && scanned_ > start_ && is_space(c)) return true;
        ++scanned_;
        if (c == '"') {
            in_string_ = true;
        } else if (c == '{' || c == '[') {
            ++depth_;
        } else if ((c == '}' || c == ']') && depth_ > 0 && --depth_ == 0) {
            return true;
        }
    }
    return false;
}

// Most of a message of a routing node is one long string of hex: it is stepped over as a whole.
bool FrameReader::scan_string() {
    while (scanned_ < filled_) {
        if (escaped_) {
            escaped_ = false;
            ++scanned_;
            continue;
        }
        const char* const here = buffer_.data() + scanned_;
        const auto* quote = static_cast<const char*>(std::memchr(here, '"', filled_ - scanned_));
        const std::size_t plain = quote == nullptr ? filled_ - scanned_ : static_cast<std::size_t>(quote - here);
        if (const void* slash = std::memchr(here, '\\', plain)) {
            scanned_ += static_cast<std::size_t>(static_cast<const char*>(slash) - here) + 1;
            escaped_ = true;
            continue;
        }
        scanned_ += plain;
        if (quote == nullptr) return false;
        ++scanned_;
        in_string_ = false;
        return true;
    }
    return false;
}

}  // namespace millrace::host
