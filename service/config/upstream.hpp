// What is behind a service: its addresses, and how they are spoken to.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/config/key.hpp"
#include "service/config/secret_text.hpp"

namespace millrace::config {

// One server behind a service: an address and a port, or the path of a unix socket.
struct UpstreamAddress {
    bool tls = false;
    std::string host;  // name or numeric address, without brackets
    std::uint16_t port = 0;
    std::string socket = {};  // path of a unix socket; host and port mean nothing then
    bool operator==(const UpstreamAddress&) const = default;
    [[nodiscard]] std::string authority() const;  // "127.0.0.1:9000", "[::1]:9000"; "localhost" for a unix socket
    [[nodiscard]] std::string url() const;        // as in the file: "http://127.0.0.1:9000", "unix:/run/a.sock"
};

// A field that requests are forwarded with, instead of what the client sent under its name.
struct UpstreamHeader {
    std::string name;
    SecretText value;
    bool operator==(const UpstreamHeader&) const = default;
};

bool read_addresses(Reading& in, Asked key, std::vector<UpstreamAddress>& out);
bool read_upstream_headers(Reading& in, Asked key, std::vector<UpstreamHeader>& out);
bool read_health_path(Reading& in, Asked key, std::string& out);
bool read_sni(Reading& in, Asked key, std::string& out);
bool read_stripped(Reading& in, Asked key, std::string& out);
bool read_prefix(Reading& in, Asked key, std::string& out);

// GET `path` of each address every `interval`; well is what answers 2xx or 3xx within `timeout`.
struct HealthCheck {
    std::string path = {};
    std::chrono::milliseconds interval = std::chrono::seconds(5);
    std::chrono::milliseconds timeout = std::chrono::seconds(2);
    bool operator==(const HealthCheck&) const = default;

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("path", &HealthCheck::path, by(read_health_path), "what each address is asked for")
                  .required("what is asked for, such as \"/healthz\""));
        visit(key("interval", &HealthCheck::interval,
                  Duration{.min = std::chrono::milliseconds(100), .otherwise = "must be at least \"100ms\""},
                  "how often"));
        visit(key("timeout", &HealthCheck::timeout, Duration{}, "how long to wait for an answer"));
    }
};

// How https addresses of a service are spoken to; empty paths and names are not given.
struct UpstreamTls {
    std::filesystem::path authorities = {};  // instead of the system's
    std::filesystem::path certificate = {};
    std::filesystem::path key = {};
    std::string server_name = {};
    bool verify = true;
    bool operator==(const UpstreamTls&) const = default;

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(config::key("ca", &UpstreamTls::authorities, File{}, "PEM file of the authorities to believe")
                  .otherwise("the system's"));
        constexpr std::string_view shown = "PEM files of a certificate to show";
        visit(config::key("cert", &UpstreamTls::certificate, File{}, shown).otherwise("none"));
        visit(config::key("key", &UpstreamTls::key, File{}, shown).otherwise("none"));
        visit(config::key("sni", &UpstreamTls::server_name, by(read_sni), "the name to ask for and to verify")
                  .otherwise("the host of the address"));
        visit(config::key("verify", &UpstreamTls::verify, Flag{}, "false believes whoever answers"));
    }
    static void check(Reading& in, UpstreamTls& tls);
};

// What becomes of a path on its way to the upstream.
struct Rewrite {
    std::string strip = {};   // what the path begins with, decoded, without a slash at the end; empty: nothing
    std::string prefix = {};  // what comes in its place, percent-encoded, without a slash at the end
    bool operator==(const Rewrite&) const = default;

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("strip", &Rewrite::strip, by(read_stripped), "with which the path of this service must begin")
                  .otherwise("nothing")
                  .shown_blank());
        visit(key("prefix", &Rewrite::prefix, by(read_prefix), "which comes in its place on the way to the upstream")
                  .otherwise("nothing")
                  .shown_blank());
    }
};

struct Upstream {
    static constexpr std::size_t max_addresses = 16;

    std::vector<UpstreamAddress> addresses = {};  // none: front proxies ask for the service by forward auth alone
    std::optional<HealthCheck> health = {};
    UpstreamTls tls = {};
    std::vector<UpstreamHeader> headers = {};
    std::optional<Rewrite> rewrite = {};
    bool operator==(const Upstream&) const = default;

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("upstream", &Upstream::addresses, by(read_addresses), "Requests go round among those that are well.")
                  .required("the server behind this service, such as \"http://127.0.0.1:9000\""));
        visit(key("health", &Upstream::health, Table{"{ path = \"/healthz\" }"},
                  "one that does not answer 2xx or 3xx in time is left out until it does.")
                  .otherwise("no such checks"));
        visit(key("upstream_tls", &Upstream::tls, Table{"{ ca = \"ca.pem\" }"}, "For https upstreams, a table with")
                  .otherwise("the system's"));
        visit(key("upstream_headers", &Upstream::headers, by(read_upstream_headers),
                  "A table of header fields that requests and health checks are sent with, instead of what the client "
                  "sent under these names.")
                  .otherwise("none"));
        visit(key("rewrite", &Upstream::rewrite, Table{"{ strip = \"/api\", prefix = \"/v2\" }"},
                  "either may be left out.")
                  .otherwise("none"));
    }
};

}  // namespace millrace::config
