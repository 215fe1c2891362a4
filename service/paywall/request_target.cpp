#include "service/paywall/request_target.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace millrace::paywall {
namespace {

constexpr std::uint8_t plain_path = 1;  // stands for itself in a path, encoded or not
constexpr std::uint8_t allowed = 2;     // may stand unencoded in a path or a query
constexpr std::uint8_t unreserved = 4;  // RFC 3986 §2.3
constexpr std::uint8_t host_char = 8;   // of a reg-name, an IPv4 or a bracketed IPv6 address

constexpr std::array<std::uint8_t, 256> make_classes() {
    std::array<std::uint8_t, 256> out{};
    auto add = [&](std::string_view chars, std::uint8_t bits) {
        for (char c : chars)
            out[static_cast<std::uint8_t>(c)] = static_cast<std::uint8_t>(out[static_cast<std::uint8_t>(c)] | bits);
    };
    std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    add(letters, plain_path | allowed | unreserved | host_char);
    add("-_~", plain_path | allowed | unreserved);
    add("-_.~", host_char);
    add(".", allowed | unreserved);
    add("!&'()*+,=:@", plain_path | allowed);
    add("$;", allowed);
    add("/?", allowed);
    // Not RFC 3986, but what browsers and the WHATWG URL standard send as they are, in queries above all.
    add("[]|^`{}\"<>", allowed);
    return out;
}

constexpr std::array<std::uint8_t, 256> classes = make_classes();

bool has(char c, std::uint8_t bits) {
    return (classes[static_cast<std::uint8_t>(c)] & bits) != 0;
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

void drop_last_segment(std::string& path) {
    std::size_t slash = path.rfind('/');
    path.resize(slash == std::string::npos ? 0 : slash);
}

// Appends one segment as it shall travel. Answers what is wrong, or null.
const char* append_segment(std::string_view segment, std::string& out) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    for (std::size_t i = 0; i < segment.size(); ++i) {
        char c = segment[i];
        if (c != '%') {
            out += c;
            continue;
        }
        int high = i + 2 < segment.size() ? hex_value(segment[i + 1]) : -1;
        int low = i + 2 < segment.size() ? hex_value(segment[i + 2]) : -1;
        if (high < 0 || low < 0) return "a \"%\" in the path that is not followed by two hex digits";
        char decoded = static_cast<char>(high * 16 + low);
        if (static_cast<std::uint8_t>(decoded) < 0x20 || decoded == 0x7f)
            return "an encoded control character in the path";
        if (decoded == '\\') return "an encoded backslash in the path";
        if (has(decoded, unreserved))
            out += decoded;
        else
            out.append("%")
                .append(1, hex[static_cast<std::size_t>(high)])
                .append(1, hex[static_cast<std::size_t>(low)]);
        i += 2;
    }
    return nullptr;
}

// Of a path that is not plain: the form in which it travels, and how servers read that.
const char* normalise_path(std::string_view path, RequestTarget& out) {
    std::size_t at = 1;  // behind the first slash
    bool trailing_slash = true;
    while (at <= path.size()) {
        std::size_t end = std::min(path.find('/', at), path.size());
        std::string_view segment = path.substr(at, end - at);
        bool last = end == path.size();
        at = end + 1;
        if (segment.empty() || segment == ".") {
            trailing_slash = last;
        } else if (segment == "..") {
            drop_last_segment(out.forward);
            trailing_slash = last;
        } else {
            out.forward += '/';
            std::size_t start = out.forward.size();
            if (const char* fault = append_segment(segment, out.forward)) return fault;
            std::string_view name = std::string_view(out.forward).substr(start);
            if (name == "." || name == "..") return "an encoded dot segment in the path";
            trailing_slash = false;
        }
        if (last) break;
    }
    if (trailing_slash || out.forward.empty()) out.forward += '/';
    out.readings = read_path(out.forward);
    if (!out.readings)
        return "a path that hides a dot segment, a backslash or a control character, or mixes too many encodings";
    out.path = out.readings->plain.kept;
    if (out.readings->others.empty() && !out.readings->plain.has_parameters()) out.readings.reset();
    return nullptr;
}

// True where the path is its own normal form, and every server reads the same in it: no escapes, parameters or streams,
// no empty or dot segments, no name that ends in a dot.
bool is_plain(std::string_view path) {
    for (std::size_t i = 0; i < path.size(); ++i) {
        char c = path[i];
        if (has(c, plain_path)) continue;
        if (c == '.' && i > 0 && path[i - 1] != '/' && i + 1 < path.size() && path[i + 1] != '/') continue;
        if (c == '/' && (i == 0 || path[i - 1] != '/')) continue;
        return false;
    }
    return true;
}

// Who decodes, cuts parameters or merges slashes before resolving "..", or after, ends up elsewhere.
bool climbs_over_more(std::string_view path) {
    bool climbs = path.find("/../") != std::string_view::npos || path.ends_with("/..");
    return climbs && (path.find_first_of("%;") != std::string_view::npos || path.find("//") != std::string_view::npos);
}

bool starts_with_scheme(std::string_view target, std::string_view scheme) {
    if (target.size() < scheme.size()) return false;
    for (std::size_t i = 0; i < scheme.size(); ++i) {
        char c = target[i] >= 'A' && target[i] <= 'Z' ? static_cast<char>(target[i] + 32) : target[i];
        if (c != scheme[i]) return false;
    }
    return true;
}

}  // namespace

const char* parse_target(std::string_view target, RequestTarget& out, Carried carried) {
    out.path.clear();
    out.readings.reset();
    out.forward.clear();
    out.authority.clear();
    out.https = false;
    if (target == "*") {
        out.path = out.forward = "*";
        return nullptr;
    }
    if (target.empty() || target.front() != '/') {
        bool http = starts_with_scheme(target, "http://");
        out.https = starts_with_scheme(target, "https://");
        if (!http && !out.https) return "a request target that is neither a path nor an http URL";
        target.remove_prefix(http ? 7 : 8);
        std::size_t end = std::min(target.find_first_of("/?#"), target.size());
        out.authority = target.substr(0, end);
        if (out.authority.empty() || out.authority.find('@') != std::string::npos)
            return "an absolute request target without a plain host";
        target.remove_prefix(end);
    }
    std::size_t query_at = std::min(target.find('?'), target.size());
    std::string_view path = target.substr(0, query_at);
    std::string_view query = target.substr(query_at);
    if (path.empty()) path = "/";
    // More than RFC 3986 has: what browsers do not encode (WHATWG URL, query percent-encode set) goes on as it is.
    for (char c : query) {
        if (static_cast<std::uint8_t>(c) <= 0x20 || c == 0x7f || c == '#')
            return "a character in the query that must be percent-encoded";
    }
    if (is_plain(path)) {
        out.path = path;
        out.forward = path;
    } else {
        for (char c : path) {
            if (c == '\\') return "a backslash in the path";
            if (!has(c, allowed) && c != '%') return "a character in the path that must be percent-encoded";
        }
        if (const char* fault = normalise_path(path, out)) return fault;
        if (carried == Carried::as_sent && out.forward != path) {
            if (climbs_over_more(path)) return "\"..\" beside escapes, parameters or empty segments in the path";
            if (!out.readings) out.readings.emplace(PathReadings{{out.path, out.path, out.path, out.path}, {}});
            for (PathReading& reading : read_as_sent(path)) out.readings->others.push_back(std::move(reading));
        }
    }
    out.forward += query;
    return nullptr;
}

bool parse_host(std::string_view value, std::string& out) {
    out.clear();
    std::size_t end = value.size();
    if (!value.empty() && value.front() == '[') {
        std::size_t bracket = value.find(']');
        if (bracket == std::string_view::npos) return false;
        end = bracket + 1;
        if (value.substr(1, bracket - 1).find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos)
            return false;
    } else {
        end = std::min(value.find(':'), value.size());
        for (char c : value.substr(0, end)) {
            if (!has(c, host_char)) return false;
        }
    }
    std::string_view port = value.substr(end);
    if (!port.empty()) {
        if (port.front() != ':' || port.size() > 6) return false;
        if (port.substr(1).find_first_not_of("0123456789") != std::string_view::npos) return false;
    }
    out.assign(value.substr(0, end));
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    }
    // One dot at the end is the root's (RFC 1034 §3.1); a label is never empty.
    if (!out.empty() && out.back() == '.') out.pop_back();
    bool empty_label = out.empty() || out.front() == '.' || out.back() == '.' || out.find("..") != std::string::npos;
    return end == 0 || !empty_label;
}

}  // namespace millrace::paywall
