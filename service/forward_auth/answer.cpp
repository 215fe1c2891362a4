#include "service/forward_auth/answer.hpp"

#include <algorithm>

#include "common/codec/ascii.hpp"
#include "common/payment/credential.hpp"
#include "service/pages/pay_cookie.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::forward_auth {
namespace {

using http::Field;

std::string line(std::string_view name, std::string_view value) {
    return std::string(name).append(": ").append(value);
}

// "Name: value\r\n" lines, one by one.
void add_lines(std::string_view lines, std::vector<std::string>& out) {
    for (std::size_t end = lines.find("\r\n"); end != std::string_view::npos; end = lines.find("\r\n")) {
        out.emplace_back(lines.substr(0, end));
        lines.remove_prefix(end + 2);
    }
}

bool is_credential(const http::HeaderLine& field) {
    return relay::is_l402_authorization(field.value) || payment::is_payment_authorization(field.value);
}

// What is left for the backend of the two fields in which there are credentials.
struct Rest {
    std::vector<std::string> lines;
    bool authorization = false;
    bool cookie = false;
};

Rest rest_of(const http::RequestHead& head) {
    Rest out;
    for (const http::HeaderLine& field : head.fields) {
        if (field.id == Field::authorization && !is_credential(field)) {
            out.lines.push_back(line("Authorization", field.value));
            out.authorization = true;
        } else if (field.id == Field::cookie) {
            std::string cookies = pages::without_pay_cookies(field.value);
            if (cookies.empty()) continue;
            out.lines.push_back(line("Cookie", cookies));
            out.cookie = true;
        }
    }
    return out;
}

// Envoy removes these from the request after it has added what the answer adds.
std::string names_to_remove(const Passed& passed, const Rest& rest) {
    std::string out = "macaroon, token, grpc-metadata-macaroon, grpc-metadata-token";
    if (!rest.authorization) out += ", authorization";
    if (!rest.cookie) out += ", cookie";
    for (std::string_view name : relay::told_upstream) {
        if (passed.token_lines.find(name) != std::string_view::npos) continue;
        out += ", ";
        std::transform(name.begin(), name.end(), std::back_inserter(out), codec::to_lower);
    }
    return out;
}

// "HTTP to gRPC Status Code Mapping" of gRPC, but for 402: as L402 has it, 13 and "payment required".
unsigned grpc_status(unsigned status) {
    switch (status) {
        case 400:
        case 402:
            return 13;
        case 401:
            return 16;
        case 403:
            return 7;
        case 404:
            return 12;
        case 429:
        case 502:
        case 503:
        case 504:
            return 14;
        default:
            return 2;
    }
}

// Percent-encoded: all but printable ASCII, and "%" itself.
std::string grpc_message(std::string_view text) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string out;
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte <= 0x7e && c != '%')
            out += c;
        else
            out.append("%").append(1, hex[byte >> 4U]).append(1, hex[byte & 15U]);
    }
    return out;
}

}  // namespace

http::Reply passed(const Passed& facts, const http::RequestHead& head) {
    http::Reply out;
    add_lines(facts.token_lines, out.fields);
    Rest rest = rest_of(head);
    for (std::string& one : rest.lines) out.fields.push_back(std::move(one));
    if (!facts.receipt.empty()) out.fields.push_back(line("Payment-Receipt", facts.receipt));
    if (facts.dialect == Dialect::envoy)
        out.fields.push_back(line("X-Envoy-Auth-Headers-To-Remove", names_to_remove(facts, rest)));
    // What the proxy is to say of the response; nothing is kept of this answer itself.
    out.fields.push_back(line("Cache-Control", facts.for_all ? "no-store" : "private"));
    return out;
}

http::Reply denied_to_nginx(const http::Problem& problem) {
    std::string why = problem.reason.empty() ? std::to_string(problem.status) : std::string(problem.reason);
    http::Reply out{401};
    out.fields = {line("X-L402-Denied", why), "Cache-Control: no-store"};
    return out;
}

bool is_grpc(const http::RequestHead& head) {
    constexpr std::string_view type = "application/grpc";
    if (head.verb != http::Verb::post) return false;
    for (const http::HeaderLine& field : head.fields) {
        if (field.id != Field::content_type) continue;
        std::string_view value = field.value.substr(0, type.size());
        char next = field.value.size() > type.size() ? field.value[type.size()] : ';';
        return codec::iequals(value, type) && (next == ';' || next == '+' || next == ' ');
    }
    return false;
}

http::Reply grpc_denial(const http::Problem& problem, unsigned status) {
    http::Reply out{status, "application/grpc"};
    out.fields.push_back(line("Grpc-Status", std::to_string(grpc_status(problem.status))));
    out.fields.push_back(
        line("Grpc-Message", problem.status == 402 ? "payment required" : grpc_message(problem.detail)));
    for (const std::string& challenge : problem.challenges) out.fields.push_back(line("WWW-Authenticate", challenge));
    if (problem.retry_after > 0) out.fields.push_back(line("Retry-After", std::to_string(problem.retry_after)));
    out.fields.insert(out.fields.end(), problem.fields.begin(), problem.fields.end());
    out.fields.emplace_back("Cache-Control: no-store");
    return out;
}

}  // namespace millrace::forward_auth
