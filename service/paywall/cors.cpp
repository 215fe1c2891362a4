#include "service/paywall/cors.hpp"

#include <algorithm>

#include "common/codec/ascii.hpp"
#include "common/codec/field_value.hpp"

namespace millrace::paywall {
namespace {

using codec::for_each_element;

// Of what millraced itself sends, what a page's script must be able to read to pay and to go on.
constexpr std::string_view exposed =
    "WWW-Authenticate, Payment-Receipt, Retry-After, Allow, Link, Accept-Payment, X-L402-Price-Msat, X-L402-Tier, "
    "X-L402-Remaining-Uses, X-L402-Remaining-Bytes, X-L402-Remaining-Msat, X-L402-Remaining-Free";
constexpr std::string_view expose_field = "Access-Control-Expose-Headers: ";
constexpr std::string_view line_end = "\r\n";

// RFC 9110 §5.6.2, in a list.
bool is_token_list(std::string_view text) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~, \t";
    constexpr std::size_t longest = 4096;
    return text.size() <= longest && std::all_of(text.begin(), text.end(), [&](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      marks.find(c) != std::string_view::npos;
           });
}

bool allows_any(const std::vector<std::string>& allowed) {
    return std::find(allowed.begin(), allowed.end(), "*") != allowed.end();
}

// False where nothing is allowed.
bool append_origin(const std::vector<std::string>& allowed, std::string_view origin, std::string& out) {
    if (allowed.empty()) return false;
    const bool any = allows_any(allowed);
    if (!any) out.append("Vary: Origin\r\n");
    if (!any && !allows_origin(allowed, origin)) return false;
    out.append("Access-Control-Allow-Origin: ").append(any ? std::string_view("*") : origin).append(line_end);
    return true;
}

bool names(std::string_view list, std::string_view wanted) {
    bool found = false;
    for_each_element(list, [&](std::string_view name) { found = found || codec::iequals(name, wanted); });
    return found;
}

}  // namespace

bool allows_origin(const std::vector<std::string>& allowed, std::string_view origin) {
    return std::any_of(allowed.begin(), allowed.end(),
                       [&](const std::string& one) { return one == "*" || one == origin; });
}

std::string preflight_lines(const std::vector<std::string>& allowed, const Preflight& preflight) {
    std::string out;
    if (!append_origin(allowed, preflight.origin, out)) return out;
    out.append("Access-Control-Allow-Methods: ").append(preflight.method).append(line_end);
    // Authorization must be named: "*" does not stand for it.
    bool asked = !preflight.headers.empty() && is_token_list(preflight.headers);
    out.append("Access-Control-Allow-Headers: ").append(asked ? preflight.headers : "Authorization").append(line_end);
    out.append("Access-Control-Max-Age: 7200\r\n");
    return out;
}

std::string response_lines(const std::vector<std::string>& allowed, std::string_view origin) {
    std::string out;
    if (append_origin(allowed, origin, out)) out.append(expose_field).append(exposed).append(line_end);
    return out;
}

std::string expose_too(std::string_view lines, const std::vector<std::string_view>& upstream) {
    std::string out(lines);
    const std::size_t begin = lines.find(expose_field);
    if (begin == std::string_view::npos) return out;
    const std::size_t end = lines.find(line_end, begin);
    std::string list(lines.substr(begin + expose_field.size(), end - begin - expose_field.size()));
    for (std::string_view value : upstream) {
        for_each_element(value, [&](std::string_view name) {
            if (!names(list, name)) list.append(", ").append(name);
        });
    }
    out.replace(begin + expose_field.size(), end - begin - expose_field.size(), list);
    return out;
}

}  // namespace millrace::paywall
