#include "contrib/client/target.hpp"

#include <algorithm>
#include <boost/asio/ip/address_v6.hpp>
#include <charconv>
#include <optional>

#include "common/codec/ascii.hpp"

namespace millrace::client {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), codec::to_lower);
    return out;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_hex(char c) {
    return is_digit(c) || (codec::to_lower(c) >= 'a' && codec::to_lower(c) <= 'f');
}
bool is_host_character(char c) {
    return is_digit(c) || (codec::to_lower(c) >= 'a' && codec::to_lower(c) <= 'z') || c == '-' || c == '.' || c == '_';
}

Error bad(std::string_view why) {
    return fail(HttpErrc::bad_url, why);
}

struct Authority {
    std::string host;
    std::string bracketed;  // as it stands in a URL
    std::string port;       // empty where none is given
};

Result<std::string> read_port(std::string_view text) {
    if (text.empty()) return std::string();
    unsigned number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size() || number == 0 || number > 65535) {
        return bad("the port must be a number from 1 to 65535");
    }
    return std::to_string(number);
}

Result<Authority> read_authority(std::string_view text) {
    if (text.find('@') != std::string_view::npos) {
        return bad("a user name or password in the URL is not supported");
    }
    Authority out;
    std::string_view port;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return bad("the IPv6 address has no closing bracket");
        out.host = lower(text.substr(1, close - 1));
        boost::system::error_code failed;
        boost::asio::ip::make_address_v6(out.host, failed);
        if (failed || out.host.find('%') != std::string::npos) return bad("an IPv6 address must stand in the brackets");
        out.bracketed = '[' + out.host + ']';
        text.remove_prefix(close + 1);
        if (!text.empty() && text.front() != ':') return bad("only a port may follow the IPv6 address");
        port = text.empty() ? text : text.substr(1);
    } else {
        const auto colon = std::min(text.find(':'), text.size());
        out.host = out.bracketed = lower(text.substr(0, colon));
        port = colon == text.size() ? std::string_view() : text.substr(colon + 1);
        if (out.host.empty()) return bad("it names no host");
        if (!std::all_of(out.host.begin(), out.host.end(), is_host_character)) {
            return bad(
                "the host must be a name of ASCII letters, digits, \"-\" and \".\" (write other names in their "
                "xn-- form), or an IP address");
        }
    }
    Result<std::string> digits = read_port(port);
    if (!digits) return digits.error();
    out.port = std::move(*digits);
    return out;
}

// What cannot stand in a request line is escaped; all else is copied.
Result<std::string> escape(std::string_view text) {
    constexpr std::string_view escaped = " \"<>[\\]^`{|}";
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte < 0x20 || byte == 0x7f) return bad("it has a control character");
        if (text[at] == '%' && (at + 2 >= text.size() || !is_hex(text[at + 1]) || !is_hex(text[at + 2]))) {
            return bad("two hexadecimal digits must follow \"%\" (write %25 for a percent sign)");
        }
        if (byte < 0x80 && escaped.find(text[at]) == std::string_view::npos) {
            out += text[at];
        } else {
            out += '%';
            out += digits[byte >> 4U];
            out += digits[byte & 0xFU];
        }
    }
    return out;
}

}  // namespace

Result<Target> parse_target(std::string_view url) {
    Target target;
    const auto colon = url.find("://");
    const std::string scheme = colon == std::string_view::npos ? std::string() : lower(url.substr(0, colon));
    if (scheme != "http" && scheme != "https") return bad("it must begin with http:// or https://");
    target.tls = scheme == "https";
    url.remove_prefix(colon + 3);
    url = url.substr(0, url.find('#'));
    const auto end = std::min(url.find_first_of("/?"), url.size());
    const Result<Authority> authority = read_authority(url.substr(0, end));
    if (!authority) return authority.error();
    url.remove_prefix(end);
    const auto question = std::min(url.find('?'), url.size());
    Result<std::string> path = escape(url.substr(0, question));
    if (!path) return path.error();
    const Result<std::string> query = escape(url.substr(question));
    if (!query) return query.error();

    target.host = authority->host;
    target.port = authority->port.empty() ? (target.tls ? "443" : "80") : authority->port;
    target.authority = authority->bracketed + (authority->port.empty() ? "" : ":" + authority->port);
    target.origin = scheme + "://" + authority->bracketed + ":" + target.port;
    target.path = path->empty() ? "/" : std::move(*path);
    target.resource = target.path + *query;
    return target;
}

}  // namespace millrace::client
