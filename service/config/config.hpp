// millraced's configuration: what load() makes of a millraced.toml, checked and typed. Immutable once loaded.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"
#include "service/config/config_error.hpp"
#include "service/config/path_pattern.hpp"
#include "service/config/secret_text.hpp"
#include "service/limits/network.hpp"
#include "service/limits/rate.hpp"
#include "service/limits/use_limits.hpp"

namespace millrace::config {

// What fits into a stateless invoice's amount field: 40 bits of millisatoshi, 10.99 bitcoin.
constexpr std::uint64_t max_price_msat = (1ULL << 40U) - 1;

// A numeric address and a port: "127.0.0.1:8402", "[::1]:8402".
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

// Where requests come in.
struct Listen {
    enum class Kind { tcp, unix_socket, systemd };
    Kind kind = Kind::tcp;
    ListenAddress address = {};                  // tcp
    std::filesystem::path socket = {};           // unix_socket
    unsigned mode = 0660;                        // of its file
    std::string name = {};                       // systemd: of the sockets that it passed; empty: the first one
    std::optional<TlsFiles> tls = std::nullopt;  // serves https
    bool forward_auth = false;                   // for a front proxy's questions; nothing is proxied from here
    [[nodiscard]] std::string text() const;      // the address as in the file
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

// A field that requests are forwarded with, instead of what the client sent under its name.
struct UpstreamHeader {
    std::string name;
    SecretText value;
    bool operator==(const UpstreamHeader&) const = default;
};

// What becomes of a path on its way to the upstream.
struct Rewrite {
    std::string strip = {};   // what the path begins with, decoded, without a slash at the end; empty: nothing
    std::string prefix = {};  // what comes in its place, percent-encoded, without a slash at the end
    bool operator==(const Rewrite&) const = default;
};

// What is behind a service.
struct Upstream {
    static constexpr std::size_t max_addresses = 16;

    std::vector<UpstreamAddress> addresses = {};  // none: front proxies ask for the service by forward auth alone
    std::optional<HealthCheck> health = {};
    UpstreamTls tls = {};
    std::vector<UpstreamHeader> headers = {};
    std::optional<Rewrite> rewrite = {};
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

// In which ways a service is paid for: what its 402 offers is what it accepts.
struct Schemes {
    bool l402 = true;
    bool payment = false;
    bool lsat = true;  // L402's challenge also under its old name, in a line of its own
    bool operator==(const Schemes&) const = default;
};

// Request methods, in upper case; empty: all.
struct Methods {
    std::vector<std::string> names;
    bool operator==(const Methods&) const = default;
    [[nodiscard]] bool has(std::string_view method) const;
    [[nodiscard]] bool includes(const Methods& other) const;
};

// A part of a service with terms of its own. The first one that fits a request decides.
struct Route {
    std::string name = {};  // stands in tokens that are for it alone: 1 to 21 of a-z 0-9 . _ -
    PathPattern path = {};
    Methods methods = {};
    std::optional<Msat> price = {};  // empty: the service's
    std::optional<Msat> per_kib = {};
    std::optional<Msat> per_unit = {};
    std::string unit_header = {};  // which field of the request says how many units it asks for; empty: none
    std::uint64_t max_units = 1;
    bool own_tokens = false;  // scope = "route": a token bought here opens nothing else, and no other one opens this
    std::string capability = {};  // that a token must have; empty: none
    unsigned min_tier = 0;        // and the tier that it must be of at least
};

// What a token buys beside time; empty: as much as its holder likes.
struct Quota {
    std::optional<std::uint64_t> uses = {};   // requests
    std::optional<std::uint64_t> bytes = {};  // of response bodies
    std::optional<Msat> credit = {};          // a balance that each request draws its price from
    bool operator==(const Quota&) const = default;
    [[nodiscard]] bool any() const { return uses || bytes || credit; }
};

// One kind of token, where a service sells several. What a tier leaves out of the file it has from the service.
struct Tier {
    static constexpr unsigned max_number = 255;

    std::string name = {};           // by which buyers ask for it
    unsigned number = 0;             // stands in its tokens; a route may ask for at least one
    std::optional<Msat> price = {};  // in place of the service's and its routes'
    std::optional<std::chrono::seconds> timeout = {};
    Quota quota = {};
    std::vector<std::string> capabilities = {};  // sorted
    bool operator==(const Tier&) const = default;
    [[nodiscard]] bool opens(const Route& route) const;
};

// Another program that says what a request costs, asked over HTTP.
struct Pricer {
    Upstream upstream = {};  // one address; its TLS, and the fields that it is asked with
    std::string path = "/";
    std::chrono::milliseconds timeout = std::chrono::milliseconds(500);
    std::chrono::milliseconds cache = std::chrono::seconds(10);  // how long an answer is used
    std::optional<Msat> fallback = {};  // the price while there is no good answer; empty: nothing is sold meanwhile
    Msat min = Msat(1);                 // 0: the pricer may let requests pass for nothing
    Msat max = Msat(max_price_msat);
    std::vector<std::string> facts = {"method", "path"};  // of the request, by which prices differ
    std::vector<std::string> headers = {};                // fields of the request, likewise
    std::size_t calls = 16;                               // under way at a time
    bool operator==(const Pricer&) const = default;
    [[nodiscard]] std::string url() const;  // as in the file
    [[nodiscard]] bool tells(std::string_view fact) const {
        return std::find(facts.begin(), facts.end(), fact) != facts.end();
    }
};

struct Origin;

// Requests that each network prefix has for nothing in a time.
struct FreeAllowance {
    std::uint32_t requests = 1;
    std::chrono::seconds per = std::chrono::hours(24);
    std::optional<Msat> max_price = {};  // what costs more is sold; empty: than the service's price
    std::size_t max_prefixes = 100'000;  // that are remembered; the others pay
    bool operator==(const FreeAllowance&) const = default;
};

// What a proof of work buys of a service where more is asked for than `[challenges]` allows.
enum class WorkBuys {
    nothing,
    invoice,  // one that is made out beyond the limits
    request,  // the thing itself, once
};
// Sessions of the Payment scheme: a deposit, of which each request takes its price, and whose rest is paid back.
struct PaymentSessions {
    enum class Offer {
        any,    // unless Accept-Payment excludes them: their deposit's invoice is one more
        asked,  // to clients whose Accept-Payment names them, or fits them
        alone,  // no charges are sold
    };
    Msat deposit = {};  // whole satoshi
    std::chrono::seconds idle_timeout = std::chrono::minutes(5);
    Offer offer = Offer::any;
    std::optional<Msat> event = {};  // the price of each event of a text/event-stream, beside the request's
    std::chrono::milliseconds hold = std::chrono::seconds(60);  // how long such a stream waits for a further deposit
    bool operator==(const PaymentSessions&) const = default;

    // What a deposit must be where one request costs `price`.
    [[nodiscard]] Msat deposit_due(Msat price) const {
        const std::uint64_t whole = (price.value() + 999) / 1000 * 1000;
        return std::max(deposit, Msat(whole));
    }
};

[[nodiscard]] std::string_view name(PaymentSessions::Offer offer);

struct Service {
    ServiceName name;
    HostPattern host = {};
    PathPattern path = {};
    Methods methods = {};
    Upstream upstream = {};
    Msat price = {};
    std::optional<std::chrono::seconds> timeout = {};  // how long a token works from its settlement; empty: for ever
    std::vector<PathPattern> free = {};
    std::vector<PathPattern> auth_only = {};      // opened by a token, but never sold: 401 without an invoice
    std::optional<std::string> description = {};  // of the invoice; a template: see config/description.hpp
    std::optional<ServiceName> realm = {};        // in whose name tokens are sold, for all services of the realm
    std::vector<std::string> cors = {};           // origins whose pages may call this service; "*" for any
    bool dry_run = false;                         // nothing is refused; what would have been is logged and counted
    std::vector<Route> routes = {};
    limits::UseRates limits = {};  // how often it may be used
    int line = 0;                  // where it stands in the file; 0: stored through the admin API
    bool pay_page = true;          // people get a page in place of a problem document
    bool hidden = false;           // in no public document
    bool forward_options = false;  // OPTIONS is sold like any method; otherwise it is answered here
    Schemes schemes = {};
    Quota quota = {};                   // what a token buys beside time
    std::string cost_header = {};       // in which the upstream says what a request cost, in msat; empty: its price
    std::optional<Msat> max_cost = {};  // the most that it may say; set aside while the request is under way
    std::optional<FreeAllowance> free_allowance = {};
    WorkBuys work_buys = WorkBuys::invoice;  // where [challenges] has pow
    std::optional<PaymentSessions> sessions = {};
    std::shared_ptr<const Origin> origin = {};  // where it comes from, as it was written: see config/definition.hpp
    std::optional<Pricer> pricer = {};          // says what requests cost, in place of the rules here
    std::vector<Tier> tiers = {};               // by number, the lowest first; empty: one kind of token, of tier 0
    PathRules paths = {};                       // how the upstream reads paths
    bool refuses_unmatched = false;             // what no route, `free` or `auth_only` names is not served at all
    std::uint64_t lease_uses = 0;               // of a token, answered before they are on disk; 0: durability = "each"

    // In whose name tokens are sold and accepted.
    [[nodiscard]] const ServiceName& seller() const { return realm ? *realm : name; }

    // Null where there is none of this number: its tokens buy what the service says.
    [[nodiscard]] const Tier* tier(unsigned number) const;
    // What a token of a tier buys.
    [[nodiscard]] const Quota& quota_of(unsigned tier) const;
    [[nodiscard]] std::optional<std::chrono::seconds> timeout_of(unsigned tier) const;
    // What a request may cost at most to be served on the free allowance.
    [[nodiscard]] Msat free_price() const { return free_allowance->max_price.value_or(price); }
    // Whether something that is sold is counted by the upstream's response, which forward auth does not see.
    [[nodiscard]] bool counts_by_response() const;
    [[nodiscard]] bool sells_sessions_alone() const {
        return sessions && sessions->offer == PaymentSessions::Offer::alone;
    }
    // Whether single requests are sold by the Payment scheme.
    [[nodiscard]] bool charges() const { return schemes.payment && !sells_sessions_alone(); }

    // What the invoice for a request of this price asks for: the price, or the whole balance.
    [[nodiscard]] Msat amount_due(Msat request_price, unsigned tier = 0) const {
        return quota_of(tier).credit.value_or(request_price);
    }
    // What a request of this price may cost in the end, as far as that is known.
    [[nodiscard]] Msat most_cost(Msat request_price) const {
        return std::max(request_price, max_cost.value_or(request_price));
    }
    // What is set aside of a balance beside the price; empty: nobody knows what it may cost, or it draws from none.
    [[nodiscard]] std::optional<std::uint64_t> held_for(Msat request_price, const Quota& bought) const {
        if (!bought.credit || !max_cost) return std::nullopt;
        return most_cost(request_price).value() - request_price.value();
    }
};

// What a trusted proxy may say of the request as it got it. The service, its price and its realm come from Host alone.
struct TrustedHeaders {
    bool proto = true;    // X-Forwarded-Proto: whether the client came by https
    bool host = false;    // X-Forwarded-Host: for links and the upstream
    bool prefix = false;  // X-Forwarded-Prefix: for links and the upstream
    bool operator==(const TrustedHeaders&) const = default;
};

// [clients]: who asks.
struct Clients {
    std::vector<limits::Network> trusted_proxies;  // believed in X-Forwarded-For
    TrustedHeaders trusted_headers;                // what else they are believed in
    std::vector<limits::Network> allow;            // empty: everybody
    std::vector<limits::Network> block;
};

// Proof of work in place of a 429.
struct Work {
    static constexpr unsigned most_bits = 40;

    unsigned bits = 20;                                        // leading zero bits that a solution has at least
    unsigned max_bits = 26;                                    // as far as they rise with the demand
    std::chrono::seconds lifetime = std::chrono::seconds(60);  // of a task
    limits::Rate in_all{10, std::chrono::seconds(1)};          // solutions that are honoured
    bool operator==(const Work&) const = default;
};

// [challenges]: what asking without paying may cost.
struct Challenges {
    limits::Rate per_prefix{20, std::chrono::seconds(10)};  // new ones for one network prefix
    limits::Rate in_all{100, std::chrono::seconds(1)};      // signatures asked of the node
    std::size_t max_open_per_prefix = 100;
    std::size_t max_open = 100'000;
    bool reuse = true;     // beyond these limits a network gets its oldest open one again
    std::size_t pool = 0;  // signed ahead for each thing in demand
    std::optional<Work> pow = {};
};

struct Limits {
    std::size_t header = 64 * 1024;              // bytes of a request's or a response's head
    std::size_t target = 16 * 1024;              // bytes of a request target
    std::uint64_t body = 1024ULL * 1024 * 1024;  // bytes of a request's body; responses are not limited
    std::size_t connections_per_prefix = 1000;   // open at a time, of one network
};

struct Timeouts {
    std::chrono::milliseconds idle = std::chrono::seconds(75);    // between two requests of a connection
    std::chrono::milliseconds header = std::chrono::seconds(10);  // for a whole request head
    std::chrono::milliseconds body = std::chrono::seconds(60);    // between two pieces, either way
    std::chrono::milliseconds upstream_connect = std::chrono::seconds(5);
    std::chrono::milliseconds upstream_response = std::chrono::seconds(60);  // until the head of the response
    std::chrono::milliseconds half_closed =
        std::chrono::seconds(5);                                 // a client that has closed its side, for an answer
    std::chrono::milliseconds tunnel = std::chrono::hours(1);    // a tunnel on which nothing moves
    std::chrono::milliseconds drain = std::chrono::seconds(30);  // for requests under way at SIGTERM
};

// [admin]: the operator's own listener.
struct Admin {
    Listen listen;  // tcp or unix_socket
    std::optional<SecretText> read_token = std::nullopt;
    std::optional<SecretText> write_token = std::nullopt;  // reads too

    // Of a unix socket: whoever may open it may do everything.
    [[nodiscard]] bool open() const { return !read_token && !write_token; }
};

struct PayPages {
    std::size_t max_waiting = 1000;           // pages that may wait for the news of their payment at a time
    std::size_t max_waiting_per_prefix = 50;  // of one network
};

// What /.well-known/l402.json and its like say, apart from the services.
struct Discovery {
    bool enabled = true;
    std::string name = "Millrace";  // of the provider
    std::string uri;                // the provider's own site; empty: not said
};

struct Config {
    std::vector<Listen> listen;  // at least one
    unsigned threads = 0;        // 0: one a core
    std::optional<ListenAddress> metrics;
    std::optional<Admin> admin;
    std::filesystem::path gateway;
    std::string node_id;  // 66 hex digits; empty: the node that the store knows
    std::filesystem::path store;
    std::string log_level = "info";
    Limits limits;
    Clients clients;
    Challenges challenges;
    Timeouts timeouts;
    PayPages pay_page;
    Discovery discovery;
    std::vector<Service> services;
};

// Whether some listener takes the questions of front proxies: services need no upstream then.
[[nodiscard]] bool takes_questions(const Config& config);

}  // namespace millrace::config
