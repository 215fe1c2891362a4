// `pricer` of a service: another program that says what a request costs, asked over HTTP.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/money/msat.hpp"
#include "service/config/key.hpp"
#include "service/config/upstream.hpp"

namespace millrace::config {

struct Pricer;
bool read_pricer_url(Reading& in, Asked key, Pricer& out);
bool read_facts(Reading& in, Asked key, std::vector<std::string>& out);
bool read_told_headers(Reading& in, Asked key, std::vector<std::string>& out);

struct Pricer {
    Upstream upstream = {};  // one address; its TLS, and the fields that it is asked with
    std::string path = "/";
    std::chrono::milliseconds timeout = std::chrono::milliseconds(500);
    std::chrono::milliseconds cache = std::chrono::seconds(10);
    std::optional<Msat> fallback = {};  // empty: nothing is sold while there is no good answer
    Msat min = Msat(1);                 // 0: the pricer may let requests pass for nothing
    Msat max = Msat(max_price_msat);
    std::vector<std::string> facts = {"method", "path"};
    std::vector<std::string> headers = {};
    std::size_t calls = 16;
    bool operator==(const Pricer&) const = default;
    [[nodiscard]] std::string url() const;  // as in the file; empty where nothing was read
    [[nodiscard]] bool tells(std::string_view fact) const {
        return std::find(facts.begin(), facts.end(), fact) != facts.end();
    }

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("url", &Pricer::url, by(read_pricer_url),
                  "http://host:port/path, https://host/path or "
                  "unix:/path.sock:/path.")
                  .required("where prices are asked for, such as \"http://127.0.0.1:9100/price\""));
        visit(
            key("timeout", &Pricer::timeout,
                Duration{.max = std::chrono::seconds(30), .otherwise = "must be at most \"30s\": a buyer waits for it"},
                "How long the program is waited for, at most 30 seconds."));
        visit(key("cache", &Pricer::cache, Duration{}, "How long its answer is used."));
        visit(key("min_msat", &Pricer::min, msat(0), "Lower and higher prices are taken for these."));
        visit(key("max_msat", &Pricer::max, msat(), "Lower and higher prices are taken for these.")
                  .otherwise("what an invoice can ask for"));
        visit(key("fallback_msat", &Pricer::fallback, msat(), "nothing is sold without a price.")
                  .otherwise("none")
                  .shown_behind("cache"));
        visit(key("facts", &Pricer::facts, by(read_facts), "What prices differ by, and what the program is told:")
                  .otherwise("[\"method\", \"path\"]"));
        visit(key("headers", &Pricer::headers, by(read_told_headers), "Names of request fields that it is told as well")
                  .otherwise("none"));
        visit(key("calls", &Pricer::calls, Whole{1, 1024}, "How many may be under way at a time"));
        constexpr std::string_view likewise = "As upstream_headers and upstream_tls, towards the program.";
        visit(key("tls", inside(&Pricer::upstream, &Upstream::tls), Table{"{ ca = \"ca.pem\" }"}, likewise)
                  .otherwise("the system's"));
        visit(key("send", inside(&Pricer::upstream, &Upstream::headers), by(read_upstream_headers), likewise)
                  .otherwise("none"));
    }
    static void check(Reading& in, Pricer& pricer);
};

}  // namespace millrace::config
