#include "service/config/path_pattern.hpp"

namespace millrace::config {
namespace {

// Where matching goes on if it fails behind a star: the star then takes one character more.
struct Retry {
    std::size_t pattern = std::string_view::npos;  // behind the star
    std::size_t path = 0;
    [[nodiscard]] bool possible() const { return pattern != std::string_view::npos; }
};

// Linear in the path for each star of a kind: a "*" is given up for good where it would have to take a slash, and a
// later star makes an earlier one of the same reach superfluous.
bool matches(std::string_view pattern, std::string_view path) {
    std::size_t p = 0;
    std::size_t at = 0;
    Retry one;   // the last "*"
    Retry many;  // the last "**"
    for (;;) {
        if (p < pattern.size() && pattern[p] == '*') {
            bool deep = p + 1 < pattern.size() && pattern[p + 1] == '*';
            p += deep ? 2 : 1;
            (deep ? many : one) = {p, at};
            if (deep) one = {};
            continue;
        }
        if (at == path.size() && p == pattern.size()) return true;
        if (at < path.size() && p < pattern.size() && pattern[p] == path[at]) {
            ++p;
            ++at;
            continue;
        }
        if (one.possible() && one.path < path.size() && path[one.path] != '/') {
            at = ++one.path;
            p = one.pattern;
        } else if (many.possible() && many.path < path.size()) {
            at = ++many.path;
            p = many.pattern;
            one = {};
        } else {
            return false;
        }
    }
}

bool starts_with(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
}

}  // namespace

bool PathPattern::covers(std::string_view path) const {
    if (glob_) return matches(text_, path);
    if (text_.empty() || !starts_with(path, text_)) return false;
    return text_.back() == '/' || path.size() == text_.size() || path[text_.size()] == '/';
}

bool PathPattern::names(std::string_view path) const {
    if (glob_) return matches(text_, path);
    if (text_.empty()) return false;
    return text_.back() == '/' ? starts_with(path, text_) : path == text_;
}

std::string_view PathPattern::root() const {
    std::string_view text = text_;
    if (!glob_) return text;
    return text.substr(0, text.rfind('/', text.find('*')) + 1);
}

bool PathPattern::hides(const PathPattern& later) const {
    if (text_.empty()) return false;
    if (glob_) return text_ == later.text_ || text_ == "/**";
    if (!later.glob_) return covers(later.text_);
    std::string_view head = std::string_view(later.text_).substr(0, later.text_.find('*'));
    if (!starts_with(head, text_)) return false;
    return text_.back() == '/' || (head.size() > text_.size() && head[text_.size()] == '/');
}

}  // namespace millrace::config
