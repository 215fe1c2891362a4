// Forward auth: a front proxy asks about each request before it lets it through. This reads which request is meant.
//
//   asked at         by                      the request stands in
//   /nginx/auth      nginx's auth_request    X-Original-Method, X-Original-URI, X-Original-Content-Length; Host
//   /nginx/answer    its error_page          the same, and X-Original-Denied: why the first question was denied
//   /forward-auth    Caddy, Traefik          X-Forwarded-Method, X-Forwarded-Uri, X-Forwarded-Host
//   /ext-authz...    Envoy's ext_authz       the question itself, with its path behind the prefix; Host
//
// https://nginx.org/en/docs/http/ngx_http_auth_request_module.html, https://caddyserver.com/docs/caddyfile/directives/
// forward_auth, https://doc.traefik.io/traefik/middlewares/http/forwardauth/, Envoy's ext_authz with http_service and
// path_prefix.
//
// Each place believes its own fields alone, and each of them once: a proxy passes on what a client sends under names
// that it does not set itself.
#pragma once

#include <optional>
#include <string_view>
#include <variant>

#include "service/http/message.hpp"
#include "service/limits/network.hpp"

namespace millrace::forward_auth {

enum class Dialect {
    nginx_auth,    // 2xx or 401: of anything else nginx makes a 500
    nginx_answer,  // what the client gets that was denied: any status, passed on as it is
    forwarded,     // 2xx lets the request through, anything else is passed on
    envoy,         // 200 lets the request through, anything else is passed on
};

struct Question {
    Dialect dialect = Dialect::forwarded;
    std::string_view method;
    std::string_view target;
    std::string_view host;
    std::optional<std::uint64_t> content_length;  // empty: not told
    std::string_view denied;                      // of nginx_answer: what nginx_auth said; empty: not told
};

// Whether this peer is believed: what it says decides who pays. Who is on this machine is, others where they are named.
[[nodiscard]] bool may_ask(const limits::Address& peer, const std::vector<limits::Network>& trusted_proxies);

// Views into the head. The fault is a mistake in the proxy's configuration.
[[nodiscard]] std::variant<Question, http::Fault> read_question(const http::RequestHead& head);

// Whether the request offers an upgrade other than WebSocket, which Caddy, Traefik and Envoy may hand on as well.
[[nodiscard]] bool offers_other_upgrade(const http::RequestHead& head);

// Makes of a question's head that of the request it is about, but for what says how the question itself is read and
// answered (version, keep_alive, expect_continue). `body_told`: false where nobody knows how long its body is.
void put_in_place(const Question& question, http::RequestHead& head, bool* body_told);

}  // namespace millrace::forward_auth
