// From the head of a request to the service and the route that it belongs to. Each function is one check of the
// pipeline (front/pipeline.cpp): a problem is the answer.
#pragma once

#include "service/admit/step.hpp"

namespace millrace::admit {

// Without methods known for it, what a server may take.
inline constexpr std::string_view all_methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

[[nodiscard]] std::optional<http::Problem> check_method(const http::RequestHead& head);

// Reads the target and the host: where the request asks, in the spelling in which it is compared. `target` and `host`
// are filled.
[[nodiscard]] std::optional<http::Problem> read_target(const http::RequestHead& head, paywall::Carried carried,
                                                       paywall::RequestTarget& target, std::string& host);

// Who asks, behind proxies that are trusted; `asked`: by forward auth, so that whoever asks is one.
[[nodiscard]] limits::Address find_client(const config::Clients& clients, const http::RequestHead& head,
                                          const limits::Address& peer, bool asked);
[[nodiscard]] std::optional<http::Problem> check_client(const config::Clients& clients, const limits::Address& client);

// Fills `match` and what goes with it: the service, the route, whether it is sold. Of a pre-flight, those of the request
// that it asks for.
[[nodiscard]] std::optional<http::Problem> find_service(RequestFacts& request, const paywall::RouteTable& routes);

// Which pages of other origins may read the answers. A pre-flight is answered; of other requests it is noted what their
// answers say.
[[nodiscard]] std::optional<http::Problem> check_origin(const RequestFacts& request, Pass& pass);

[[nodiscard]] std::optional<http::Problem> check_size(const http::RequestHead& head, std::uint64_t most);

// Whether OPTIONS is answered here.
[[nodiscard]] bool answers_options(const RequestFacts& request);
// What this address takes, as Allow has it (RFC 9110 §10.2.1).
[[nodiscard]] std::string allowed_methods(const RequestFacts& request);

}  // namespace millrace::admit
