#include "common/payment/credential_field.hpp"

#include <algorithm>
#include <string_view>

#include "common/codec/ascii.hpp"

namespace millrace::payment {
namespace {

constexpr std::size_t longest_name = 64;

// RFC 9110 §5.6.2: the characters of a token besides letters and digits.
constexpr std::string_view token_marks = "!#$%&'*+-.^_`|~";

constexpr std::string_view kept_names[] = {
    "Accept",       "Age",
    "Allow",        "Cache-Control",
    "Connection",   "Cookie",
    "Cookie2",      "Date",
    "DNT",          "ETag",
    "Expect",       "Expires",
    "Forwarded",    "From",
    "Host",         "HTTP2-Settings",
    "Keep-Alive",   "Last-Modified",
    "Link",         "Location",
    "Max-Forwards", "Method",
    "Origin",       "Pragma",
    "Priority",     "Range",
    "Referer",      "Server",
    "Set-Cookie",   "TE",
    "Trailer",      "Transfer-Encoding",
    "Upgrade",      "User-Agent",
    "Vary",         "Via",
    "Warning",      "WWW-Authenticate",
};

// Families of fields: content, conditions, what the client accepts, what proxies and browsers say.
constexpr std::string_view kept_prefixes[] = {
    "Accept-", "Access-Control-", "CF-",        "Content-",    "Early-",   "Fly-",
    "If-",     "Proxy-",          "Sec-",       "True-Client", "X-Client", "X-Forwarded",
    "X-HTTP-", "X-Real",          "X-Original", "X-Rewrite",   "X-L402-",  "X-Method"};

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (codec::to_lower(c) >= 'a' && codec::to_lower(c) <= 'z') ||
               token_marks.find(c) != std::string_view::npos;
    });
}

}  // namespace

std::optional<std::string> credential_field(const Challenge& challenge) {
    const std::string_view name = challenge.header;
    if (name.empty()) return "Authorization";
    if (name.size() > longest_name || !is_token(name)) return std::nullopt;
    for (const std::string_view kept : kept_names) {
        if (codec::iequals(name, kept)) return std::nullopt;
    }
    for (const std::string_view prefix : kept_prefixes) {
        if (codec::iequals(name.substr(0, prefix.size()), prefix)) return std::nullopt;
    }
    return challenge.header;
}

}  // namespace millrace::payment
