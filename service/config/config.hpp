// millraced's configuration: what load() makes of a millraced.toml, checked and typed. Immutable once loaded.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"
#include "service/config/config_error.hpp"

namespace millrace::config {

// A numeric address and a port, as `listen` takes them: "127.0.0.1:8402", "[::1]:8402".
struct ListenAddress {
    std::string host;
    std::uint16_t port = 0;  // 0: the system chooses one
    bool operator==(const ListenAddress&) const = default;
    [[nodiscard]] std::string text() const;
};

struct TlsFiles {
    std::filesystem::path certificate;
    std::filesystem::path key;
    bool operator==(const TlsFiles&) const = default;
};

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

// GET `path` of each address every `interval`; well is what answers 2xx or 3xx within `timeout`.
struct HealthCheck {
    std::string path;
    std::chrono::milliseconds interval = std::chrono::seconds(5);
    std::chrono::milliseconds timeout = std::chrono::seconds(2);
    bool operator==(const HealthCheck&) const = default;
};

// How https addresses of a service are spoken to; empty paths and names are not given.
struct UpstreamTls {
    std::filesystem::path authorities;  // PEM; instead of the system's
    std::filesystem::path certificate;  // of this client, PEM
    std::filesystem::path key;
    std::string server_name;  // asked for and verified instead of the address's host
    bool verify = true;
    bool operator==(const UpstreamTls&) const = default;
};

// What is behind a service.
struct Upstream {
    static constexpr std::size_t max_addresses = 16;

    std::vector<UpstreamAddress> addresses = {};  // at least one
    std::optional<HealthCheck> health = {};
    UpstreamTls tls = {};
    bool operator==(const Upstream&) const = default;
};

// Which Host values a service answers to.
struct HostPattern {
    enum class Kind { exact, suffix, any };
    Kind kind = Kind::any;
    std::string text;  // exact: "api.example.com"; suffix: ".example.com"; any: empty. Lower case.
    bool operator==(const HostPattern&) const = default;
    [[nodiscard]] std::string written() const;  // as in the file
};

struct Service {
    ServiceName name;
    HostPattern host;
    std::string path;  // "/weather/": what lies below; "/weather": that path itself and what lies below it
    Upstream upstream;
    Msat price;
    std::optional<std::chrono::seconds> timeout;  // how long a token works from its settlement; empty: for ever
    std::vector<std::string> free;                // paths: exact, or everything below where they end in "/"
    std::optional<std::string> description;       // of the invoice
    int line = 0;                                 // where it stands in the file
    bool pay_page = true;                         // people get a page in place of a problem document
};

struct Limits {
    std::size_t header = 64 * 1024;              // bytes of a request's or a response's head
    std::size_t target = 16 * 1024;              // bytes of a request target
    std::uint64_t body = 1024ULL * 1024 * 1024;  // bytes of a request's body; responses are not limited
};

struct Timeouts {
    std::chrono::milliseconds idle = std::chrono::seconds(75);    // between two requests of a connection
    std::chrono::milliseconds header = std::chrono::seconds(10);  // for a whole request head
    std::chrono::milliseconds body = std::chrono::seconds(60);    // between two pieces, either way
    std::chrono::milliseconds upstream_connect = std::chrono::seconds(5);
    std::chrono::milliseconds upstream_response = std::chrono::seconds(60);  // until the head of the response
    std::chrono::milliseconds tunnel = std::chrono::hours(1);                // a tunnel on which nothing moves
    std::chrono::milliseconds drain = std::chrono::seconds(30);              // for requests under way at SIGTERM
};

struct Config {
    ListenAddress listen;
    std::optional<TlsFiles> tls;
    unsigned threads = 0;  // 0: one a core
    std::optional<ListenAddress> metrics;
    std::filesystem::path gateway;
    std::filesystem::path store;
    std::string log_level = "info";
    Limits limits;
    Timeouts timeouts;
    std::vector<Service> services;
};

}  // namespace millrace::config
