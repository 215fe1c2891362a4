#include "service/relay/header_rules.hpp"

#include <algorithm>
#include <array>

#include "common/codec/ascii.hpp"
#include "common/codec/field_name.hpp"
#include "common/codec/field_value.hpp"
#include "common/l402/credential.hpp"
#include "common/payment/credential.hpp"
#include "service/pages/pay_cookie.hpp"
#include "service/paywall/cors.hpp"
#include "service/paywall/deciding_fields.hpp"
#include "service/relay/cache_rules.hpp"

namespace millrace::relay {
namespace {

using codec::begins_variable;
using codec::iequals;
using codec::same_variable;

bool listed(const std::vector<std::string_view>& options, std::string_view name) {
    return std::any_of(options.begin(), options.end(), [&](std::string_view option) { return iequals(option, name); });
}

// Another spelling of a field that says where a message ends, or that is written anew or ends at this hop.
bool is_twin_of_framing(std::string_view name) {
    bool plain =
        std::all_of(name.begin(), name.end(), [](char c) { return c == '-' || codec::fold_variable(c) != '-'; });
    if (plain) return false;
    constexpr std::array<std::string_view, 7> names = {"content-length",    "transfer-encoding", "proxy-connection",
                                                       "keep-alive",        "http2-settings",    "proxy-authorization",
                                                       "proxy-authenticate"};
    return std::any_of(names.begin(), names.end(), [name](auto one) { return same_variable(name, one); });
}

// Fields whose names Beast does not know.
bool drop_unknown_request_field(std::string_view name) {
    char first = codec::to_lower(name.front());
    switch (first) {
        case 'x':
            // The last two name another path than the request line, which IIS, Symfony, Zend and others believe.
            return begins_variable(name, "x-forwarded-") || begins_variable(name, "x-l402-") ||
                   same_variable(name, "x-real-ip") || begins_variable(name, "x-original-") ||
                   same_variable(name, "x-rewrite-url");
        case 'g':
        case 't':
        case 'm':
            return l402::is_credential_header(name) || begins_variable(name, "grpc-metadata-macaroon") ||
                   begins_variable(name, "grpc-metadata-token");
        default:
            return false;
    }
}

bool drop_request_field(const http::HeaderLine& line) {
    switch (line.id) {
        case http::Field::unknown:
            return drop_unknown_request_field(line.name) || is_twin_of_framing(line.name);
        case http::Field::authorization:
            return is_l402_authorization(line.value) || payment::is_payment_authorization(line.value);
        // Written anew.
        case http::Field::host:
        case http::Field::content_length:
        case http::Field::transfer_encoding:
        // End at this hop.
        case http::Field::connection:
        case http::Field::proxy_connection:
        case http::Field::keep_alive:
        case http::Field::te:
        case http::Field::trailer:
        case http::Field::upgrade:
        case http::Field::proxy_authorization:
        case http::Field::proxy_authenticate:
        case http::Field::http2_settings:
        // Say where the request came from, which is for us to say.
        case http::Field::forwarded:
            return true;
        default:
            return drop_unknown_request_field(line.name);
    }
}

// What we say of cross-origin requests, an upstream does not say again.
bool is_ours(http::Field field) {
    return field == http::Field::access_control_allow_origin || field == http::Field::access_control_expose_headers;
}

bool drop_response_field(const http::HeaderLine& line, unsigned status) {
    switch (line.id) {
        // Nobody but millraced says who has paid, and what is left of it.
        case http::Field::unknown:
            return iequals(line.name, "Payment-Receipt") || begins_variable(line.name, "x-l402-remaining-");
        case http::Field::content_length:
        case http::Field::transfer_encoding:
        case http::Field::connection:
        case http::Field::proxy_connection:
        case http::Field::keep_alive:
        case http::Field::te:
        case http::Field::trailer:
        case http::Field::proxy_authenticate:
            return true;
        case http::Field::upgrade:
            return status != 101 && status != 426;
        default:
            return false;
    }
}

bool is_set(std::span<const std::string> names, std::string_view name) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& one) { return same_variable(one, name); });
}

void append_line(std::string_view name, std::string_view value, std::string& out) {
    out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::optional<std::string_view> twin_of_ours(const http::RequestHead& head) {
    for (const http::HeaderLine& line : head.fields) {
        if (line.id != http::Field::unknown || !begins_variable(line.name, "x-l402-")) continue;
        bool plain = std::all_of(line.name.begin(), line.name.end(),
                                 [](char c) { return c == '-' || codec::fold_variable(c) != '-'; });
        if (!plain) return line.name;
    }
    return std::nullopt;
}

bool same_field_name(std::string_view left, std::string_view right) {
    return iequals(left, right);
}

bool is_l402_authorization(std::string_view value) {
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    std::string_view scheme = value.substr(0, 4);
    if (!iequals(scheme, "L402") && !iequals(scheme, "LSAT")) return false;
    return value.size() == 4 || value[4] == ' ' || value[4] == '\t';
}

std::string tier_header_lines(std::string_view tier, const std::vector<std::string>& capabilities) {
    std::string list;
    for (const std::string& one : capabilities) list.append(list.empty() ? "" : ",").append(one);
    std::string out;
    append_line("X-L402-Tier", tier, out);
    append_line("X-L402-Capabilities", list, out);
    return out;
}

std::string token_header_lines(const l402::Identifier& token, std::string_view service) {
    std::string out;
    append_line("X-L402-Token-Id", token.token_id.hex(), out);
    append_line("X-L402-Payment-Hash", token.payment_hash.hex(), out);
    append_line("X-L402-Service", service, out);
    return out;
}

std::string charge_header_lines(const PaymentHash& payment_hash, std::string_view service) {
    std::string out;
    append_line("X-L402-Payment-Hash", payment_hash.hex(), out);
    append_line("X-L402-Service", service, out);
    return out;
}

void append_upstream_head(const http::RequestHead& head, const ForwardFacts& facts, std::string& out) {
    out.append(head.method).append(" ").append(facts.target).append(" HTTP/1.1\r\n");
    if (!is_set(facts.set_names, "Host")) append_line("Host", facts.host.empty() ? facts.upstream : facts.host, out);
    for (const http::HeaderLine& line : head.fields) {
        if (drop_request_field(line)) continue;
        if (!head.connection_options.empty() && listed(head.connection_options, line.name)) continue;
        if (is_set(facts.set_names, line.name)) continue;
        if (facts.deciding && facts.deciding->is_twin(line.name)) continue;
        if (facts.unencoded && line.id == http::Field::accept_encoding) continue;
        if (facts.whole_body && line.id == http::Field::expect) continue;  // there is nothing to wait for
        if (line.id == http::Field::cookie && line.value.find(pages::pay_cookie_prefix) != std::string_view::npos) {
            std::string rest = pages::without_pay_cookies(line.value);
            if (!rest.empty()) append_line(line.name, rest, out);
            continue;
        }
        append_line(line.name, line.value, out);
    }
    out.append(facts.set_lines);
    if (facts.whole_body)
        append_line("Content-Length", std::to_string(*facts.whole_body), out);
    else if (head.framing == http::Framing::chunked)
        append_line("Transfer-Encoding", "chunked", out);
    else if (head.has_content_length)
        append_line("Content-Length", std::to_string(head.content_length), out);
    if (!head.upgrade.empty()) {
        append_line("Connection", facts.close ? "upgrade, close" : "upgrade", out);
        append_line("Upgrade", head.upgrade, out);
    } else if (facts.close) {
        append_line("Connection", "close", out);
    }
    out.append(facts.token_headers);
    append_line("X-Forwarded-For", facts.client, out);
    append_line("X-Forwarded-Proto", facts.https ? "https" : "http", out);
    std::string_view public_host = facts.public_host.empty() ? facts.host : facts.public_host;
    if (!public_host.empty()) append_line("X-Forwarded-Host", public_host, out);
    if (!facts.prefix.empty()) append_line("X-Forwarded-Prefix", facts.prefix, out);
    out.append("Via: 1.1 millraced\r\n\r\n");
}

bool is_repeatable(const http::RequestHead& head) {
    if (head.framing != http::Framing::none) return false;
    switch (head.verb) {
        case http::Verb::get:
        case http::Verb::head:
        case http::Verb::options:
        case http::Verb::put:
        case http::Verb::delete_:
            return true;
        default:
            return false;
    }
}

bool may_be_left_unread(const http::RequestHead& head) {
    const bool is_for_bodies =
        head.verb == http::Verb::post || head.verb == http::Verb::put || head.verb == http::Verb::patch;
    return head.framing != http::Framing::none && !is_for_bodies;
}

namespace {

bool has_type(const http::ResponseHead& head, std::string_view wanted) {
    for (const http::HeaderLine& line : head.fields) {
        if (line.id != http::Field::content_type) continue;
        const std::string_view type = line.value.substr(0, line.value.find(';'));
        return iequals(type.substr(0, type.find_first_of(" \t")), wanted);
    }
    return false;
}

}  // namespace

bool is_event_stream(const http::ResponseHead& head) {
    return has_type(head, "text/event-stream");
}

bool is_endless(const http::ResponseHead& head) {
    const bool of_no_length = head.framing == http::Framing::chunked || head.framing == http::Framing::until_eof;
    return of_no_length && (is_event_stream(head) || has_type(head, "multipart/x-mixed-replace"));
}

bool announces_trailer(const http::ResponseHead& head, std::string_view name) {
    bool announced = false;
    for (const http::HeaderLine& line : head.fields) {
        if (line.id != http::Field::trailer) continue;
        codec::for_each_element(line.value, [&](std::string_view one) { announced = announced || iequals(one, name); });
    }
    return announced;
}

ClientFraming client_framing(const http::ResponseHead& head, int client_version) {
    switch (head.framing) {
        case http::Framing::none:
            return ClientFraming::none;
        case http::Framing::length:
            return ClientFraming::length;
        case http::Framing::chunked:
        case http::Framing::until_eof:
            break;
    }
    return client_version >= 11 ? ClientFraming::chunked : ClientFraming::close;
}

void append_client_head(const http::ResponseHead& head, ClientFraming framing, int client_version, bool keep_alive,
                        const OwnFields& own, std::string& out) {
    const char digits[] = {static_cast<char>('0' + head.status / 100 % 10),
                           static_cast<char>('0' + head.status / 10 % 10), static_cast<char>('0' + head.status % 10)};
    out.append("HTTP/1.1 ").append(digits, 3).append(" ").append(head.reason).append("\r\n");
    Sharing sharing = sharing_of(own.for_all, head.status);
    bool dated = own.date.empty();
    std::vector<std::string_view> exposed;
    for (const http::HeaderLine& line : head.fields) {
        if (drop_response_field(line, head.status)) continue;
        if (own.cross_origin && is_ours(line.id)) {
            if (line.id == http::Field::access_control_expose_headers) exposed.push_back(line.value);
            continue;
        }
        dated = dated || line.id == http::Field::date;
        if (!own.hidden.empty() && iequals(line.name, own.hidden)) continue;
        if (sharing != Sharing::as_sent && speaks_to_caches(line)) continue;
        if (!head.connection_options.empty() && listed(head.connection_options, line.name)) {
            bool upgrading = line.id == http::Field::upgrade;
            if (!upgrading) continue;
        }
        append_line(line.name, line.value, out);
    }
    if (!dated) append_line("Date", own.date, out);
    if (exposed.empty())
        out.append(own.lines);
    else
        out.append(paywall::expose_too(own.lines, exposed));
    if (sharing != Sharing::as_sent) append_cache_fields(head, sharing, out);
    if (!own.receipt.empty() && head.status / 100 == 2) append_line("Payment-Receipt", own.receipt, out);
    bool may_have_length = head.status / 100 != 1 && head.status != 204;
    if (framing == ClientFraming::chunked)
        append_line("Transfer-Encoding", "chunked", out);
    else if (framing != ClientFraming::close && head.has_content_length && may_have_length)
        append_line("Content-Length", std::to_string(head.content_length), out);
    if (head.status == 101)
        out.append("Connection: upgrade\r\n");
    else if (!keep_alive && head.status / 100 != 1)
        out.append("Connection: close\r\n");
    else if (client_version < 11)
        out.append("Connection: keep-alive\r\n");
    out.append("\r\n");
}

}  // namespace millrace::relay
