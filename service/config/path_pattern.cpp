#include "service/config/path_pattern.hpp"

#include "common/codec/ascii.hpp"

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

bool covers_as_it_is(std::string_view pattern, bool glob, std::string_view path) {
    if (glob) return matches(pattern, path);
    if (pattern.empty() || !starts_with(path, pattern)) return false;
    return pattern.back() == '/' || path.size() == pattern.size() || path[pattern.size()] == '/';
}

bool names_as_it_is(std::string_view pattern, bool glob, std::string_view path) {
    if (glob) return matches(pattern, path);
    if (pattern.empty()) return false;
    return pattern.back() == '/' ? starts_with(path, pattern) : path == pattern;
}

// Where a slash at the end says nothing, a path fits if it does so with or without it.
template <class Fits>
bool fits(const PathRules& rules, std::string_view path, Fits fits_as_it_is) {
    if (!rules.ignore_slash) return fits_as_it_is(path);
    if (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
    return fits_as_it_is(path) || fits_as_it_is(std::string(path) + '/');
}

// Letters beyond ASCII that some server takes for an ASCII one where it compares without case, in UTF-8.
struct Lookalike {
    std::string_view letter;
    char ascii;
};
constexpr Lookalike lookalikes[] = {{"\xc5\xbf", 's'}, {"\xe2\x84\xaa", 'k'}, {"\xc4\xb0", 'i'}, {"\xc4\xb1", 'i'}};

}  // namespace

std::string fold_path(std::string_view path) {
    std::string out;
    out.reserve(path.size());
    while (!path.empty()) {
        std::size_t taken = 1;
        char c = codec::to_lower(path.front());
        if (static_cast<unsigned char>(c) >= 0x80) {
            for (const Lookalike& one : lookalikes) {
                if (!path.starts_with(one.letter)) continue;
                c = one.ascii;
                taken = one.letter.size();
            }
        }
        out += c;
        path.remove_prefix(taken);
    }
    return out;
}

bool PathPattern::covers(std::string_view path, const PathRules& rules) const {
    std::string_view pattern = rules.fold_case ? folded_ : text_;
    return fits(rules, path, [&](std::string_view one) { return covers_as_it_is(pattern, glob_, one); });
}

bool PathPattern::names(std::string_view path, const PathRules& rules) const {
    std::string_view pattern = rules.fold_case ? folded_ : text_;
    return fits(rules, path, [&](std::string_view one) { return names_as_it_is(pattern, glob_, one); });
}

std::string_view PathPattern::root() const {
    std::string_view text = text_;
    if (!glob_) return text;
    return text.substr(0, text.rfind('/', text.find('*')) + 1);
}

bool PathPattern::hides(const PathPattern& later, const PathRules& rules) const {
    std::string_view text = rules.fold_case ? folded_ : text_;
    std::string_view other = rules.fold_case ? later.folded_ : later.text_;
    if (text.empty()) return false;
    if (glob_) return text == other || text == "/**";
    if (!later.glob_) return covers(other, rules);
    std::string_view head = other.substr(0, other.find('*'));
    if (!starts_with(head, text)) return false;
    return text.back() == '/' || (head.size() > text.size() && head[text.size()] == '/');
}

}  // namespace millrace::config
