#include "service/forward_auth/question.hpp"

#include <algorithm>
#include <charconv>

#include "common/codec/ascii.hpp"

namespace millrace::forward_auth {
namespace {

using codec::iequals;

using http::Fault;
using http::Verb;

constexpr std::string_view envoy_prefix = "/ext-authz";
constexpr std::size_t max_method = 32;

// RFC 9110 §5.6.2, without what no method has.
bool is_method(std::string_view text) {
    constexpr std::string_view token = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return !text.empty() && text.size() <= max_method && text.find_first_not_of(token) == std::string_view::npos;
}

std::optional<std::uint64_t> parse_length(std::string_view text) {
    std::uint64_t length = 0;
    auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (errc != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return length;
}

// The fields of one name.
struct Lookup {
    std::string_view value;
    std::size_t count = 0;
};

Lookup look_up(const http::RequestHead& head, std::string_view name) {
    Lookup out;
    for (const http::HeaderLine& line : head.fields) {
        if (!iequals(line.name, name)) continue;
        out.value = line.value;
        ++out.count;
    }
    return out;
}

// Methods whose requests have no body as a rule.
bool usually_without_body(Verb verb) {
    return verb == Verb::get || verb == Verb::head || verb == Verb::options || verb == Verb::delete_;
}

bool is_websocket(const http::RequestHead& head) {
    return look_up(head, "Sec-WebSocket-Key").count > 0 || iequals(look_up(head, "Upgrade").value, "websocket");
}

std::optional<Fault> read_nginx(const http::RequestHead& head, Question& out) {
    Lookup method = look_up(head, "X-Original-Method");
    Lookup target = look_up(head, "X-Original-URI");
    Lookup length = look_up(head, "X-Original-Content-Length");
    if (method.count != 1 || !is_method(method.value))
        return Fault{400, "X-Original-Method must be set, once: proxy_set_header X-Original-Method $request_method."};
    if (target.count != 1 || target.value.empty())
        return Fault{400, "X-Original-URI must be set, once: proxy_set_header X-Original-URI $request_uri."};
    if (length.count > 1) return Fault{400, "X-Original-Content-Length is there twice."};
    if (length.count == 1 && !length.value.empty()) {
        out.content_length = parse_length(length.value);
        if (!out.content_length) return Fault{400, "X-Original-Content-Length is no number."};
    }
    Lookup denied = look_up(head, "X-Original-Denied");
    if (out.dialect == Dialect::nginx_answer && denied.count == 1) out.denied = denied.value;
    out.method = method.value;
    out.target = target.value;
    out.host = head.host;
    return std::nullopt;
}

std::optional<Fault> read_forwarded(const http::RequestHead& head, Question& out) {
    Lookup method = look_up(head, "X-Forwarded-Method");
    Lookup target = look_up(head, "X-Forwarded-Uri");
    Lookup host = look_up(head, "X-Forwarded-Host");
    if (method.count != 1 || !is_method(method.value)) return Fault{400, "X-Forwarded-Method must be set, once."};
    if (target.count != 1 || target.value.empty()) return Fault{400, "X-Forwarded-Uri must be set, once."};
    if (host.count > 1) return Fault{400, "X-Forwarded-Host is there twice."};
    out.method = method.value;
    out.target = target.value;
    out.host = host.value;
    return std::nullopt;
}

}  // namespace

bool may_ask(const limits::Address& peer, const std::vector<limits::Network>& trusted_proxies) {
    return peer.is_loopback() || limits::any_has(trusted_proxies, peer);
}

std::variant<Question, Fault> read_question(const http::RequestHead& head) {
    Question out;
    std::optional<Fault> fault;
    std::string_view place = head.target.substr(0, head.target.find('?'));
    if (head.target.starts_with(envoy_prefix)) {
        out.dialect = Dialect::envoy;
        out.method = head.method;
        out.target = head.target.substr(envoy_prefix.size());
        out.host = head.host;
    } else if (place == "/nginx/auth" || place == "/nginx/answer") {
        out.dialect = place == "/nginx/auth" ? Dialect::nginx_auth : Dialect::nginx_answer;
        fault = read_nginx(head, out);
    } else if (place == "/forward-auth") {
        out.dialect = Dialect::forwarded;
        fault = read_forwarded(head, out);
    } else {
        return Fault{404, "Front proxies ask here, at /nginx/auth, /nginx/answer, /forward-auth or /ext-authz."};
    }
    if (fault) return *fault;
    if (!out.target.starts_with('/') && out.target != "*")
        return Fault{400, "The question names no path of the original request."};
    return out;
}

bool offers_other_upgrade(const http::RequestHead& head) {
    const Lookup offer = look_up(head, "Upgrade");
    const Lookup settings = look_up(head, "HTTP2-Settings");
    const bool websocket = offer.count == 1 && iequals(offer.value, "websocket");
    return settings.count > 0 || (offer.count > 0 && !websocket);
}

void put_in_place(const Question& question, http::RequestHead& head, bool* body_told) {
    head.method = question.method;
    head.verb = boost::beast::http::string_to_verb({question.method.data(), question.method.size()});
    head.target = question.target;
    head.host = question.host;
    *body_told = question.content_length.has_value();
    head.has_content_length = *body_told;
    head.content_length = question.content_length.value_or(0);
    if (*body_told)
        head.framing = head.content_length > 0 ? http::Framing::length : http::Framing::none;
    else
        head.framing = usually_without_body(head.verb) ? http::Framing::none : http::Framing::chunked;
    head.upgrade = is_websocket(head) ? "websocket" : "";
}

}  // namespace millrace::forward_auth
