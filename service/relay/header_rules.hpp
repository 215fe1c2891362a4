// Which header fields pass the proxy, and which it adds: RFC 9110 §7.6 (fields that end at this hop), and L402's own
// rule that a credential never reaches an upstream and that nobody but millraced says who has paid. What caches are
// told is in cache_rules.hpp.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/l402/identifier.hpp"
#include "service/http/message.hpp"

namespace millrace::paywall {
class DecidingFields;
}

namespace millrace::relay {

// What a request is forwarded with besides its own fields.
struct ForwardFacts {
    std::string_view target;                      // path and query
    std::string_view host;                        // as the client sent it; empty where an HTTP/1.0 client did not
    std::string_view upstream;                    // stands in for it then
    std::string_view client;                      // address, for X-Forwarded-For
    bool https = false;                           // the client came over TLS, to us or to a trusted proxy
    std::string_view token_headers;               // of token_header_lines(); empty on free paths
    std::string_view set_lines = {};              // fields that the service sets ...
    std::span<const std::string> set_names = {};  // ... instead of the client's of these names
    bool unencoded = false;                       // the answer is looked into: no Accept-Encoding
    bool close = false;                           // the connection is not used again
    std::optional<std::size_t> whole_body = {};   // the body is here, this long, however it came
    const paywall::DecidingFields* deciding =
        nullptr;                        // of the service: nothing that may be read as one of them goes on
    std::string_view public_host = {};  // as a trusted proxy says; empty: `host`
    std::string_view prefix = {};       // what a trusted proxy cut off the path; empty: nothing
};

// What an upstream is told by fields of ours; nobody else's of these names reach it.
inline constexpr std::string_view told_upstream[] = {"X-L402-Token-Id", "X-L402-Payment-Hash", "X-L402-Service",
                                                     "X-L402-Tier",     "X-L402-Capabilities", "X-L402-Access"};

// "X-L402-Tier: ...\r\nX-L402-Capabilities: a,b\r\n"
[[nodiscard]] std::string tier_header_lines(std::string_view tier, const std::vector<std::string>& capabilities);
// "X-L402-Token-Id: ...\r\nX-L402-Payment-Hash: ...\r\nX-L402-Service: ...\r\n"
[[nodiscard]] std::string token_header_lines(const l402::Identifier& token, std::string_view service);
// The same of a charge of the Payment scheme, which has no token.
[[nodiscard]] std::string charge_header_lines(const PaymentHash& payment_hash, std::string_view service);

// Appends the request's head as the upstream gets it.
void append_upstream_head(const http::RequestHead& head, const ForwardFacts& facts, std::string& out);

// A request that may be sent a second time: of an idempotent method (RFC 9110 §9.2.2), and without a body.
[[nodiscard]] bool is_repeatable(const http::RequestHead& head);

// A request with a body that servers may leave unread, and then take for the next request (RFC 9110 §9.3.1, RFC 9112
// §11.2): its connection is not used again.
[[nodiscard]] bool may_be_left_unread(const http::RequestHead& head);

// A response that goes on until somebody ends it.
[[nodiscard]] bool is_endless(const http::ResponseHead& head);
// Whether the field `name` is to come behind the body (RFC 9110 §6.6.2).
[[nodiscard]] bool announces_trailer(const http::ResponseHead& head, std::string_view name);
[[nodiscard]] bool is_event_stream(const http::ResponseHead& head);

// How the response's body is framed towards the client.
enum class ClientFraming { none, length, chunked, close };

[[nodiscard]] ClientFraming client_framing(const http::ResponseHead& head, int client_version);

// What we add to a response.
struct OwnFields {
    std::string_view lines = {};    // header lines, which replace the upstream's
    std::string_view receipt = {};  // the value of Payment-Receipt, which goes with a 2xx alone; empty: none
    std::string_view hidden = {};   // a field of the upstream's that is not for the client; empty: none
    bool for_all = false;           // free for all: caches may share it as the upstream says
    std::string_view date = {};     // where the upstream says none (RFC 9110 §6.6.1); empty: of an interim answer
    bool cross_origin = false;      // `lines` alone say which pages may read it; what the upstream exposes is added
};

// Appends the response's head as the client gets it. `keep_alive`: the connection stays open behind it.
void append_client_head(const http::ResponseHead& head, ClientFraming framing, int client_version, bool keep_alive,
                        const OwnFields& own, std::string& out);

// The first field whose name is another spelling of those in told_upstream; empty where there is none.
[[nodiscard]] std::optional<std::string_view> twin_of_ours(const http::RequestHead& head);

// RFC 9110 §5.1: names of fields are compared without regard to case.
[[nodiscard]] bool same_field_name(std::string_view left, std::string_view right);

// True where the value of an Authorization field is an L402 or LSAT credential (and not, say, a Bearer's or Basic's).
[[nodiscard]] bool is_l402_authorization(std::string_view value);

}  // namespace millrace::relay
