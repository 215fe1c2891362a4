// [[service]]: one thing that is sold.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"
#include "service/config/key.hpp"
#include "service/config/path_pattern.hpp"
#include "service/config/pricer.hpp"
#include "service/config/route.hpp"
#include "service/config/sessions.hpp"
#include "service/config/tier.hpp"
#include "service/config/upstream.hpp"
#include "service/limits/use_limits.hpp"

namespace millrace::config {

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
    bool lsat = true;  // L402's challenge also under its old name
    bool operator==(const Schemes&) const = default;
};

// Requests that each network prefix has for nothing in a time.
struct FreeAllowance {
    std::uint32_t requests = 1;
    std::chrono::seconds per = std::chrono::hours(24);
    std::optional<Msat> max_price = {};
    std::size_t max_prefixes = 100'000;
    bool operator==(const FreeAllowance&) const = default;

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("requests", &FreeAllowance::requests, Whole{1, 1'000'000}, "how many")
                  .required("how many requests are free in the time, such as 10"));
        visit(key("per", &FreeAllowance::per,
                  Duration{.max = std::chrono::hours(24 * 366),
                           .otherwise = "must be whole seconds, at most \"366d\"",
                           .whole_seconds = true},
                  "in which time, counted from a prefix's first one"));
        visit(key("max_price_msat", &FreeAllowance::max_price, msat(), "above which a request is always sold")
                  .otherwise("price_msat"));
        visit(key("max_prefixes", &FreeAllowance::max_prefixes, Whole{1, 10'000'000},
                  "how many of them are remembered at a time"));
    }
};

// What a proof of work buys of a service where more is asked for than `[challenges]` allows.
enum class WorkBuys {
    nothing,
    invoice,  // one that is made out beyond the limits
    request,  // the thing itself, once
};

// `limits` of a service.
struct UseRateKeys {
    template <class Visitor>
    static void keys(Visitor&& visit) {
        using limits::UseRates;
        constexpr std::string_view rates = "rates as in [challenges].";
        visit(key("per_token", &UseRates::per_token, RateText{}, rates).otherwise("none"));
        visit(key("per_prefix", &UseRates::per_prefix, RateText{}, rates).otherwise("none"));
        visit(key("in_all", &UseRates::in_all, RateText{}, rates).otherwise("none"));
    }
};

struct Origin;
struct Service;
bool read_service_name(Reading& in, Asked key, ServiceName& out);
bool read_host(Reading& in, Asked key, HostPattern& out);
bool read_path(Reading& in, Asked key, PathPattern& out);
bool read_paths_below(Reading& in, Asked key, Service& out);  // free, auth_only
bool read_description(Reading& in, Asked key, std::optional<std::string>& out);
bool read_realm(Reading& in, Asked key, std::optional<ServiceName>& out);
bool read_cors(Reading& in, Asked key, std::vector<std::string>& out);
bool read_routes(Reading& in, Asked key, Service& out);
bool read_tiers(Reading& in, Asked key, Service& out);
bool read_schemes(Reading& in, Asked key, Schemes& out);
bool read_lsat(Reading& in, Asked key, Service& out);
bool read_single_use(Reading& in, Asked key, Service& out);
bool read_cost_header(Reading& in, Asked key, Service& out);
bool read_durability(Reading& in, Asked key, Service& out);
bool read_lease_uses(Reading& in, Asked key, Service& out);

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

    [[nodiscard]] std::string durability() const { return lease_uses > 0 ? "lease" : "each"; }
    [[nodiscard]] std::optional<std::uint64_t> leased() const {
        return lease_uses > 0 ? std::optional(lease_uses) : std::nullopt;
    }

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

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("name", &Service::name, by(read_service_name), "stands in tokens, settlements and metrics.")
                  .required("what the service is called in tokens and metrics, such as \"weather\""));
        visit(key("host", &Service::host, by(read_host), "A host name, a suffix as").otherwise("\"*\""));
        visit(key("path", &Service::path, by(read_path), "A prefix or a pattern, written decoded.")
                  .required("the prefix of what is sold, such as \"/weather/\""));
        visit(key("methods", &Service::methods, by(read_methods), "The methods that this service answers")
                  .otherwise("all"));
        visit(part(&Service::upstream));
        visit(key("price_msat", &Service::price, msat(), "The price of a token, at least 1.")
                  .required("the price of one token in millisatoshi, such as 1000"));
        visit(key("timeout", &Service::timeout, token_time, "How long a token works, counted from its settlement")
                  .otherwise("no limit"));
        visit(key("free", &Service::free, by(read_paths_below), "Paths of the service that cost nothing")
                  .otherwise("none"));
        visit(key("auth_only", &Service::auth_only, by(read_paths_below),
                  "Paths, as above, that take tokens and sell none")
                  .otherwise("none"));
        visit(key("description", &Service::description, by(read_description),
                  "What the payer's wallet shows, at most 639 bytes, without control characters.")
                  .otherwise("\"L402: <name>\""));
        visit(key("realm", &Service::realm, by(read_realm),
                  "All services of a realm take the same tokens, each up to the price that was paid for it.")
                  .otherwise("the service's own name"));
        visit(key("cors", &Service::cors, by(read_cors), "Origins whose web pages may call this service")
                  .otherwise("none"));
        visit(key("dry_run", &Service::dry_run, Flag{}, "Nothing is refused and nothing is sold"));
        visit(key("pay_page", &Service::pay_page, Flag{},
                  "Whether a browser that asks for a page gets one to pay at, with QR code and invoice, in place of a "
                  "problem document"));
        visit(key("hidden", &Service::hidden, Flag{},
                  "Whether the service is left out of the public documents and of quotes."));
        visit(key("options", &Service::forward_options, either("answer", "forward"),
                  "OPTIONS is answered with the price and never reaches the upstream, or is sold like any other "
                  "method."));
        visit(key("route", &Service::routes, sections(read_routes), "").shown_as("routes").shown_behind("pow"));
        visit(key("limits", &Service::limits,
                  Table<UseRateKeys>{"{ per_token = \"10/s\", per_prefix = \"20/s\", in_all = \"500/s\" }"},
                  "How often the service may be used, in all its paths")
                  .otherwise("none")
                  .shown_behind("pow"));
        visit(key("schemes", &Service::schemes, by(read_schemes), "In which ways the service is paid for")
                  .otherwise("[\"l402\"]"));
        visit(key("lsat", inside(&Service::schemes, &Schemes::lsat), by(read_lsat),
                  "Whether a 402 offers the token under L402's old name as well")
                  .otherwise("true"));
        visit(key("session", &Service::sessions, Table{"{ deposit_msat = 20000, idle_timeout = \"5m\" }"},
                  "Sells the service by sessions of the Payment scheme as well")
                  .otherwise("none"));
        visit(part(&Service::quota));
        visit(key("single_use", inside(&Service::quota, &Quota::uses), by(read_single_use),
                  "True is the same as uses = 1.")
                  .otherwise("false")
                  .not_shown());
        visit(key("cost_header", &Service::cost_header, by(read_cost_header),
                  "the response field, or trailer, in which the upstream says what the request cost")
                  .otherwise("none"));
        visit(key("max_cost_msat", &Service::max_cost, msat(), "the most that a request may cost.").otherwise("none"));
        visit(key("pricer", &Service::pricer, Table{"{ url = \"http://127.0.0.1:9100/price\" }"},
                  "Another program that says what requests cost")
                  .otherwise("none"));
        visit(key("tier", &Service::tiers, sections(read_tiers), "").shown_as("tiers"));
        visit(key("free_allowance", &Service::free_allowance, Table{"{ requests = 10, per = \"1d\" }"},
                  "Requests that are served for nothing, as far as they carry no credential, for each network prefix")
                  .otherwise("none"));
        visit(key("pow", &Service::work_buys,
                  choice(Word<WorkBuys>{"invoice", WorkBuys::invoice}, Word<WorkBuys>{"request", WorkBuys::request},
                         Word<WorkBuys>{"off", WorkBuys::nothing}),
                  "What a proof of work buys of this service"));
        visit(key("paths", &Service::paths, Table{"{ parameters = \"cut\", case = \"fold\", slash = \"ignore\" }"},
                  "How the upstream reads paths, a table")
                  .shown_behind("pricer"));
        visit(key("unmatched", &Service::refuses_unmatched, either("sell", "refuse"),
                  "What becomes of requests that no route and none of free and auth_only names.")
                  .shown_behind("paths"));
        visit(key("durability", &Service::durability, by(read_durability),
                  "When a use of a token that buys a number of uses is on disk.")
                  .shown_behind("max_cost_msat"));
        visit(key("lease_uses", &Service::leased, by(read_lease_uses),
                  "how many uses of a token may be ahead of the disk, from 1 to 1000000.")
                  .otherwise("64")
                  .shown_behind("durability"));
    }
    static void check(Reading& in, Service& service);
};

}  // namespace millrace::config
