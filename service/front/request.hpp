// All that is known of one request while it is under way, from its head to the end of its answer: a fresh object for
// each, in the memory of its Exchange.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "service/admit/step.hpp"
#include "service/front/own_endpoints.hpp"
#include "service/http/companion.hpp"
#include "service/http/problem.hpp"
#include "service/http/reply.hpp"
#include "service/http/request_body.hpp"
#include "service/http/watchdog.hpp"
#include "service/meter/meter.hpp"
#include "service/metrics/resource_metrics.hpp"
#include "service/paywall/charging.hpp"
#include "service/site/site.hpp"

namespace millrace::front {

// The rest of a request's body on its way to the upstream.
struct Pump {
    Pump(http::Executor executor, http::Watchdog& dog) : companion(executor), watch(dog) {}
    http::Companion companion;
    http::Watch watch;
    bool stop = false;
    bool sent = false;                 // all of it
    std::optional<http::Fault> fault;  // of the client's side
};

// Its facts decide what it is let in by.
struct Request : admit::RequestFacts, admit::Pass {
    std::shared_ptr<const site::Site> site;
    std::uint64_t generation = 0;  // of the worker's state, for what is found out in it
    std::chrono::steady_clock::time_point began;
    metrics::ResourceShard* counts = nullptr;

    // Who asks for what.
    std::string client_text;
    std::size_t scanned = 0;
    std::size_t head_size = 0;
    http::Fault fault{400, ""};
    http::RequestBody body;
    bool keep_alive = false;
    bool close_gently = false;    // bytes that nobody will read may be under way
    std::optional<OwnMatch> own;  // not a service's at all
    bool asked_by_head = false;   // the question
    bool understood = false;      // its head could be read
    std::string quoted_method;    // which a quote is about; empty: the request's own

    meter::Meter meter;  // of `use`

    // What is answered.
    http::Problem problem;
    std::optional<http::Reply> reply;  // in place of what is behind
    bool answered = false;             // some of a response has been sent
    std::chrono::steady_clock::duration
        client_waited{};  // how long the client let us wait until it took what it was sent

    // The conversation with the upstream.
    std::unique_ptr<Pump> pump;
    bool awaiting_head = false;
    paywall::Sent sent = paywall::Sent::nothing;      // to the upstream of this attempt
    std::optional<std::string> whole_body;            // in place of chunks
    std::optional<http::ChunkProgress> first_chunks;  // of the response, in response_payload
};

}  // namespace millrace::front
