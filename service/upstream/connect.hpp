// Reaching one address of an upstream: its name's endpoints, and a connection to one of them with TLS on it where the
// address wants it.
//
//   Endpoints endpoints;
//   ErrorCode failed = co_await resolve(target, watch, timeout, endpoints);
//   for (const Endpoint& endpoint : endpoints) {
//       Stream stream(executor);
//       failed = co_await establish(stream, endpoint, target, watch, timeout);
//   }
#pragma once

#include <string>
#include <vector>

#include "service/http/stream.hpp"
#include "service/http/watchdog.hpp"
#include "service/upstream/group.hpp"

namespace millrace::upstream {

using Endpoints = std::vector<http::Endpoint>;

http::Awaitable<http::ErrorCode> resolve(http::Executor executor, const Target& target, http::Watch& watch,
                                         std::chrono::milliseconds timeout, Endpoints& out);

// Connects and shakes hands, both within `timeout`; `watch` tells whether that was too long.
http::Awaitable<http::ErrorCode> establish(http::Stream& stream, const http::Endpoint& endpoint, const Target& target,
                                           http::Watch& watch, std::chrono::milliseconds timeout);

// What to log: "connection refused", "timed out", or why the certificate was not believed.
[[nodiscard]] std::string why_not(const http::ErrorCode& error, const http::Watch& watch, http::Stream* stream);

}  // namespace millrace::upstream
