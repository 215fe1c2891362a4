// What a front proxy is answered (forward_auth/question.hpp): that the request may pass, that it may not, and what a
// gRPC client is told.
//
//   passed    200, no body:
//     X-L402-*, as the reverse proxy sends them                for the backend; on free paths there are none
//     Authorization, Cookie                                    for the backend: what the client sent, but no credential
//     X-L402-Remaining-*, Payment-Receipt, Access-Control-*    for the client
//     Cache-Control: private                                   of the response, where it is not free for all
//     X-Envoy-Auth-Headers-To-Remove                           to Envoy: what is not for the backend
//   denied    to nginx's auth_request: 401 with X-L402-Denied, the reason; to others the problem itself
//   gRPC      "Trailers-Only" (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): grpc-status,
//             grpc-message and the challenges as header fields, no body
#pragma once

#include <string>
#include <string_view>

#include "service/forward_auth/question.hpp"
#include "service/http/problem.hpp"
#include "service/http/reply.hpp"

namespace millrace::forward_auth {

struct Passed {
    Dialect dialect = Dialect::forwarded;
    std::string_view token_lines = {};  // of http::token_header_lines() and its like
    std::string_view receipt = {};      // the value of Payment-Receipt; empty: none
    bool for_all = false;               // free for all: caches may share the response
};

// `head` is that of the original request.
[[nodiscard]] http::Reply passed(const Passed& facts, const http::RequestHead& head);

// X-L402-Denied says why in a word, which nginx hands on to /nginx/answer.
[[nodiscard]] http::Reply denied_to_nginx(const http::Problem& problem);

// True for a call of gRPC itself; gRPC-Web has its trailers in the body.
[[nodiscard]] bool is_grpc(const http::RequestHead& head);
// `status` is that of HTTP: 200 as gRPC has it, or what the proxy in between takes for a denial.
[[nodiscard]] http::Reply grpc_denial(const http::Problem& problem, unsigned status);

}  // namespace millrace::forward_auth
