#include "service/front/forwarded.hpp"

#include <algorithm>
#include <string>

#include "common/codec/ascii.hpp"
#include "common/codec/field_value.hpp"
#include "service/paywall/request_target.hpp"

namespace millrace::front {
namespace {

using codec::iequals;
using codec::trim;

constexpr std::size_t longest_prefix = 256;

// The last element of the last field of this name.
std::string_view last_value(const http::RequestHead& head, std::string_view name) {
    std::string_view out;
    for (const http::HeaderLine& line : head.fields) {
        if (iequals(line.name, name)) out = line.value;
    }
    const std::size_t comma = out.rfind(',');
    return trim(comma == std::string_view::npos ? out : out.substr(comma + 1));
}

bool is_host(std::string_view text) {
    std::string ignored;
    return !text.empty() && text.size() <= 255 && paywall::parse_host(text, ignored);
}

// Segments of what may stand in a path as it is, none of them a dot segment.
bool is_prefix(std::string_view text) {
    if (text.empty() || text.size() > longest_prefix || text.front() != '/') return false;
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == '_' || c == '~' || c == '/' || c == '%' || c == '@' || c == '+';
    });
    const std::string framed = std::string(text) + '/';
    return plain && framed.find("//") == std::string::npos && framed.find("/./") == std::string::npos &&
           framed.find("/../") == std::string::npos;
}

}  // namespace

Forwarded read_forwarded(const http::RequestHead& head, const config::TrustedHeaders& trusted) {
    Forwarded out;
    if (trusted.proto) {
        const std::string_view proto = last_value(head, "X-Forwarded-Proto");
        if (iequals(proto, "https")) out.https = true;
        if (iequals(proto, "http")) out.https = false;
    }
    if (trusted.host) {
        const std::string_view host = last_value(head, "X-Forwarded-Host");
        if (is_host(host)) out.host = host;
    }
    if (trusted.prefix) {
        std::string_view prefix = last_value(head, "X-Forwarded-Prefix");
        if (prefix.size() > 1 && prefix.back() == '/') prefix.remove_suffix(1);
        if (prefix != "/" && is_prefix(prefix)) out.prefix = prefix;
    }
    return out;
}

}  // namespace millrace::front
