#include "contrib/simulator/node/json_stream.hpp"

#include <utility>

namespace millrace::sim {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

std::size_t skip_space(std::string_view text, std::size_t at) {
    while (at < text.size() && is_space(text[at])) ++at;
    return at;
}

// The end of the string whose opening quote is at `at`.
std::size_t end_of_string(std::string_view text, std::size_t at) {
    for (++at; at < text.size(); ++at) {
        if (text[at] == '\\') {
            ++at;
        } else if (text[at] == '"') {
            return at + 1;
        }
    }
    return text.size();
}

std::size_t end_of_value(std::string_view text, std::size_t at) {
    int depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at = end_of_string(text, at);
            if (depth == 0) return at;
            continue;
        }
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') {
            if (depth == 0) return at;  // the end of the object around
            if (--depth == 0) return at + 1;
        }
        if (depth == 0 && (c == ',' || is_space(c))) return at;
        ++at;
    }
    return at;
}

}  // namespace

std::optional<std::string> JsonSplitter::next() {
    if (broken_) return std::nullopt;
    if (depth_ == 0) {
        const std::size_t start = skip_space(buffer_, 0);
        buffer_.erase(0, start);
        scanned_ = 0;
        if (buffer_.empty()) return std::nullopt;
        if (buffer_.front() != '{' && buffer_.front() != '[') {
            broken_ = true;
            return std::nullopt;
        }
    }
    for (; scanned_ < buffer_.size(); ++scanned_) {
        const char c = buffer_[scanned_];
        if (in_string_) {
            if (escaped_) {
                escaped_ = false;
            } else if (c == '\\') {
                escaped_ = true;
            } else if (c == '"') {
                in_string_ = false;
            }
            continue;
        }
        if (c == '"') in_string_ = true;
        if (c == '{' || c == '[') ++depth_;
        if ((c == '}' || c == ']') && --depth_ == 0) {
            std::string message = buffer_.substr(0, scanned_ + 1);
            buffer_.erase(0, scanned_ + 1);
            scanned_ = 0;
            return message;
        }
    }
    if (buffer_.size() > max_message) broken_ = true;
    return std::nullopt;
}

std::optional<std::string_view> raw_member(std::string_view text, std::string_view name) {
    std::size_t at = skip_space(text, 0);
    if (at >= text.size() || text[at] != '{') return std::nullopt;
    at = skip_space(text, at + 1);
    while (at < text.size() && text[at] == '"') {
        const std::size_t key_end = end_of_string(text, at);
        const std::string_view key = text.substr(at + 1, key_end - at - 2);
        at = skip_space(text, key_end);
        if (at >= text.size() || text[at] != ':') return std::nullopt;
        at = skip_space(text, at + 1);
        const std::size_t value_end = end_of_value(text, at);
        if (key == name) return text.substr(at, value_end - at);
        at = skip_space(text, value_end);
        if (at >= text.size() || text[at] != ',') return std::nullopt;
        at = skip_space(text, at + 1);
    }
    return std::nullopt;
}

}  // namespace millrace::sim
