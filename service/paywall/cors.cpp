#include "service/paywall/cors.hpp"

#include <algorithm>

namespace millrace::paywall {
namespace {

// Of what millraced itself sends, what a page's script must be able to read to pay and to go on.
constexpr std::string_view exposed =
    "WWW-Authenticate, Payment-Receipt, Retry-After, X-L402-Remaining-Uses, X-L402-Remaining-Bytes, "
    "X-L402-Remaining-Msat, X-L402-Remaining-Free";

bool is_token_list(std::string_view text) {
    return text.size() <= 1024 && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                      c == '_' || c == ',' || c == ' ';
           });
}

void append_origin(const std::vector<std::string>& allowed, std::string_view origin, std::string& out) {
    bool any = std::find(allowed.begin(), allowed.end(), "*") != allowed.end();
    out.append("Access-Control-Allow-Origin: ").append(any ? std::string_view("*") : origin).append("\r\n");
    if (!any) out.append("Vary: Origin\r\n");
}

}  // namespace

bool allows_origin(const std::vector<std::string>& allowed, std::string_view origin) {
    return std::any_of(allowed.begin(), allowed.end(),
                       [&](const std::string& one) { return one == "*" || one == origin; });
}

std::string preflight_lines(const std::vector<std::string>& allowed, const Preflight& preflight) {
    if (!allows_origin(allowed, preflight.origin)) return {};
    std::string out;
    append_origin(allowed, preflight.origin, out);
    out.append("Access-Control-Allow-Methods: ").append(preflight.method).append("\r\n");
    // Authorization must be named: "*" does not stand for it.
    bool asked = !preflight.headers.empty() && is_token_list(preflight.headers);
    out.append("Access-Control-Allow-Headers: ").append(asked ? preflight.headers : "Authorization").append("\r\n");
    out.append("Access-Control-Max-Age: 7200\r\n");
    return out;
}

std::string response_lines(const std::vector<std::string>& allowed, std::string_view origin) {
    if (!allows_origin(allowed, origin)) return {};
    std::string out;
    append_origin(allowed, origin, out);
    out.append("Access-Control-Expose-Headers: ").append(exposed).append("\r\n");
    return out;
}

}  // namespace millrace::paywall
