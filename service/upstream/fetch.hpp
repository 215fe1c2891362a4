// One small request and its answer over a connection that stands: for what millraced asks itself, which is the health
// of upstreams and the price of things. Nothing is streamed: an answer that is longer than wanted is a fault.
//
//   Fetched answer = co_await fetch(stream, request, watch, {deadline, 16 * 1024});
//   if (answer.fault.empty()) ... answer.status, answer.body
#pragma once

#include <string>
#include <string_view>

#include "service/http/stream.hpp"
#include "service/http/watchdog.hpp"

namespace millrace::upstream {

struct FetchLimits {
    std::chrono::steady_clock::time_point deadline;
    std::size_t body = 0;
    bool head_only = false;  // the body is not looked at
};

struct Fetched {
    std::string fault;         // why there is no answer; empty: there is one
    bool timed_out = false;    // that is why
    bool nothing_came = true;  // not one byte: a connection that was idle before may have been closed meanwhile
    bool reusable = false;     // the connection
    unsigned status = 0;
    bool in_1_0 = false;  // of HTTP/1.0
    std::string body;
};

// `watch` is the caller's own; the deadline is kept as exactly as its watchdog looks.
http::Awaitable<Fetched> fetch(http::Stream& stream, std::string_view request, http::Watch& watch, FetchLimits limits);

// At least a millisecond.
[[nodiscard]] std::chrono::milliseconds time_left(std::chrono::steady_clock::time_point deadline);

}  // namespace millrace::upstream
