// [timeouts]: how long each part of a conversation may take.
#pragma once

#include <chrono>

#include "service/config/key.hpp"

namespace millrace::config {

struct Timeouts {
    std::chrono::milliseconds idle = std::chrono::seconds(75);
    std::chrono::milliseconds header = std::chrono::seconds(10);
    std::chrono::milliseconds body = std::chrono::seconds(60);
    std::chrono::milliseconds upstream_connect = std::chrono::seconds(5);
    std::chrono::milliseconds upstream_response = std::chrono::seconds(60);
    std::chrono::milliseconds half_closed = std::chrono::seconds(5);
    std::chrono::milliseconds tunnel = std::chrono::hours(1);
    std::chrono::milliseconds drain = std::chrono::seconds(30);

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("idle", &Timeouts::idle, Duration{}, "Between two requests of a connection."));
        visit(key("header", &Timeouts::header, Duration{}, "For a whole request head."));
        visit(key("body", &Timeouts::body, Duration{}, "Between two pieces of a body."));
        visit(key("upstream_connect", &Timeouts::upstream_connect, Duration{}, "For connecting to an upstream."));
        visit(key("upstream_response", &Timeouts::upstream_response, Duration{},
                  "Until the head of the upstream's response."));
        visit(key("half_closed", &Timeouts::half_closed, Duration{},
                  "How long a client that has closed its side of the connection is waited for while the upstream says "
                  "nothing; then it has left."));
        visit(key("tunnel", &Timeouts::tunnel, Duration{},
                  "A WebSocket or other upgraded connection on which nothing moves."));
        visit(key("drain", &Timeouts::drain, Duration{}, "For requests under way when the service is told to stop."));
    }
};

}  // namespace millrace::config
