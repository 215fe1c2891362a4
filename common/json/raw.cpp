#include "common/json/raw.hpp"

#include <cstring>

namespace millrace::json {

bool Scanner::take(char wanted) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
}

std::string_view Scanner::value() {
    skip_space();
    const std::size_t begin = at_;
    if (at_ >= text_.size()) return {};
    const char first = text_[at_];
    const bool whole = first == '"' ? skip_string() : first == '{' || first == '[' ? skip_nested() : skip_literal();
    return whole ? text_.substr(begin, at_ - begin) : std::string_view{};
}

void Scanner::skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
        ++at_;
}

bool Scanner::skip_string() {
    ++at_;
    while (at_ < text_.size()) {
        const char c = text_[at_++];
        if (c == '"') return true;
        if (c == '\\') ++at_;
    }
    return false;
}

bool Scanner::skip_nested() {
    std::size_t depth = 0;
    while (at_ < text_.size()) {
        const char c = text_[at_];
        if (c == '"') {
            if (!skip_string()) return false;
            continue;
        }
        ++at_;
        if (c == '{' || c == '[') ++depth;
        if ((c == '}' || c == ']') && --depth == 0) return true;
    }
    return false;
}

bool Scanner::skip_literal() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && std::strchr(",]} \t\r\n", text_[at_]) == nullptr) ++at_;
    return at_ > begin;
}

std::optional<std::string_view> raw_member(std::string_view text, std::string_view name) {
    Scanner scanner(text);
    if (!scanner.take('{')) return std::nullopt;
    std::optional<std::string_view> found;
    do {
        const std::string_view key = scanner.value();
        if (key.size() < 2 || key.front() != '"' || !scanner.take(':')) break;
        const std::string_view value = scanner.value();
        if (value.empty()) break;
        if (key.substr(1, key.size() - 2) == name) found = value;
    } while (scanner.take(','));
    return found;
}

}  // namespace millrace::json
