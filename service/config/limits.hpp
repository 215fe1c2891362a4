// [limits]: how large a request may be, and how many connections a network may have.
#pragma once

#include <cstddef>
#include <cstdint>

#include "service/config/key.hpp"

namespace millrace::config {

struct Limits {
    std::size_t header = 64 * 1024;              // bytes
    std::size_t target = 16 * 1024;              // bytes
    std::uint64_t body = 1024ULL * 1024 * 1024;  // bytes
    std::size_t connections_per_prefix = 1000;

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("header", &Limits::header, Size{1024, 1024 * 1024, "must be at most \"1MiB\""},
                  "Of the head of a request or a response."));
        visit(key("target", &Limits::target, Size{64}, "Of a request's target."));
        visit(key("body", &Limits::body, Size{}, "Of a request's body."));
        visit(key("connections_per_prefix", &Limits::connections_per_prefix, Whole{1, 1'000'000},
                  "Connections that one network (the /24 of an IPv4 address, the /48 of an IPv6 one) may have open at "
                  "a time, on all listeners together."));
    }
    static void check(Reading& in, Limits& limits);
};

}  // namespace millrace::config
