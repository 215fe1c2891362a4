#include "service/config/read_service.hpp"

#include <algorithm>

#include "common/codec/ascii.hpp"
#include "common/codec/field_name.hpp"
#include "service/config/definition.hpp"
#include "service/config/durability.hpp"
#include "service/config/load_pages.hpp"
#include "service/config/read_allowance.hpp"
#include "service/config/read_limits.hpp"
#include "service/config/read_paths.hpp"
#include "service/config/read_pricer.hpp"
#include "service/config/read_quota.hpp"
#include "service/config/read_routes.hpp"
#include "service/config/read_sessions.hpp"
#include "service/config/read_tiers.hpp"
#include "service/config/read_upstream.hpp"

namespace millrace::config {
namespace {

bool is_host_name(std::string_view host) {
    if (host.empty() || host.size() > 253) return false;
    return host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_[]:") == std::string_view::npos;
}

std::string lower_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), codec::to_lower);
    return out;
}

HostPattern read_host(Section& section) {
    auto text = section.text("host");
    if (!text || *text == "*") return {};
    std::string host = lower_case(*text);
    bool suffix = host.starts_with("*.");
    std::string name = suffix ? host.substr(1) : host;
    bool has_port = name.find(':') != std::string::npos && name.front() != '[';
    if (!is_host_name(suffix ? std::string_view(name).substr(1) : std::string_view(name)) || has_port) {
        section.fault(
            "host",
            "must be \"*\", a host name without a port such as \"api.example.com\", or \"*.example.com\", not \"" +
                *text + '"');
        return {};
    }
    return {suffix ? HostPattern::Kind::suffix : HostPattern::Kind::exact, name};
}

void read_schemes(Section& section, Schemes& out) {
    if (!section.has("schemes")) {
        section.texts("schemes");  // a known key
        return;
    }
    out.l402 = false;
    const std::vector<std::string> names = section.texts("schemes");
    if (names.empty()) section.fault("schemes", "must name \"l402\", \"payment\" or both");
    for (const std::string& scheme : names) {
        bool* chosen = scheme == "l402" ? &out.l402 : scheme == "payment" ? &out.payment : nullptr;
        if (!chosen)
            section.fault("schemes", "must name \"l402\", \"payment\" or both, not \"" + scheme + '"');
        else if (*chosen)
            section.fault("schemes", "names \"" + scheme + "\" twice");
        else
            *chosen = true;
    }
}

bool includes(const HostPattern& host, const HostPattern& other) {
    if (host.kind == HostPattern::Kind::any || host == other) return true;
    return host.kind == HostPattern::Kind::suffix && other.kind != HostPattern::Kind::any &&
           other.text.size() > host.text.size() &&
           std::string_view(other.text).substr(other.text.size() - host.text.size()) == host.text;
}

// Without an upstream nobody here sees what a response holds.
void check_quota_by_response(Section& section, const QuotaTerms& terms, const std::vector<Tier>& tiers) {
    constexpr std::string_view by_response =
        "counts by the response, which forward auth does not see: give the service an upstream, or sell it by uses or "
        "credit_msat";
    if (terms.quota.bytes) section.fault("bytes", by_response);
    if (!terms.cost_header.empty()) section.fault("cost_header", by_response);
    for (const Tier& tier : tiers) {
        if (tier.quota.bytes) section.fault("tier", '"' + tier.name + "\": bytes " + std::string(by_response));
    }
    if (section.has("session"))
        section.fault("session",
                      "needs an upstream: top-ups and the end of a session are answered here, and a front proxy takes "
                      "an answer for its leave");
}

// What a request is priced by reaches the upstream as the client sent it.
void check_priced_fields(Section& section, const Service& service) {
    auto set = [&service](std::string_view name) {
        const std::vector<UpstreamHeader>& headers = service.upstream.headers;
        return std::any_of(headers.begin(), headers.end(),
                           [name](const UpstreamHeader& one) { return codec::same_variable(one.name, name); });
    };
    auto check = [&](std::string_view name, std::string_view key) {
        if (!name.empty() && set(name))
            section.fault("upstream_headers", "sets \"" + std::string(name) + "\", which " + std::string(key) +
                                                  " prices as the client sent it: leave one of the two out");
    };
    for (const Route& route : service.routes) check(route.unit_header, "unit_header");
    if (!service.pricer) return;
    for (const std::string& name : service.pricer->headers) check(name, "the pricer");
}

void check_overlaps(const std::vector<Service>& services, Faults& faults) {
    for (std::size_t i = 0; i < services.size(); ++i) {
        const Service& later = services[i];
        for (std::size_t j = 0; j < i; ++j) {
            const Service& earlier = services[j];
            if (later.name == earlier.name) {
                note(faults, later, "service.name",
                     "\"" + later.name.text() + "\" is already the service " + place_of(earlier) +
                         "; each service needs a name of its own");
            }
            if (includes(earlier.host, later.host) && earlier.methods.includes(later.methods) &&
                earlier.path.hides(later.path, earlier.paths)) {
                note(faults, later, "service.path",
                     "overlaps service \"" + earlier.name.text() + "\" " + place_of(earlier) +
                         ", which answers every request to host \"" + later.host.written() + "\" and path \"" +
                         later.path.text() + "\" first; put the narrower service in front");
            }
        }
        for (const Service& other : services) {
            if (!later.realm || other.name != *later.realm || other.realm == later.realm) continue;
            note(faults, later, "service.realm",
                 "\"" + later.realm->text() + "\" is the name of the service " + place_of(other) +
                     ", which is not in this realm; choose another name for the realm");
        }
    }
}

}  // namespace

std::string HostPattern::written() const {
    switch (kind) {
        case Kind::exact:
            return text;
        case Kind::suffix:
            return '*' + text;
        case Kind::any:
            break;
    }
    return "*";
}

std::optional<Service> read_service(const toml::table& table, const std::filesystem::path& folder,
                                    const Environment& environment, bool forward_auth, Faults& faults) {
    Section section(&table, "service", static_cast<std::uint32_t>(table.source().begin.line), faults);
    std::optional<ServiceName> name =
        read_name(section, "name", "what the service is called in tokens and metrics, such as \"weather\"");
    HostPattern host = read_host(section);
    std::optional<PathPattern> path =
        read_pattern(section, "path", "the prefix of what is sold, such as \"/weather/\"");
    Methods methods = read_methods(section);
    std::optional<Upstream> upstream = read_upstream(
        section, folder, environment, path ? std::optional<std::string>(path->root()) : std::nullopt, forward_auth);
    std::optional<std::uint64_t> price =
        section.integer("price_msat", 1, max_price_msat, "the price of one token in millisatoshi, such as 1000");
    std::optional<std::chrono::seconds> timeout;
    if (section.has("timeout")) {
        std::chrono::milliseconds value{0};
        section.duration("timeout", value);
        timeout = std::chrono::duration_cast<std::chrono::seconds>(value);
        if (value.count() > 0 && timeout->count() == 0) section.fault("timeout", "must be at least \"1s\"");
    } else {
        std::chrono::milliseconds unused{0};
        section.duration("timeout", unused);
    }
    std::vector<PathPattern> free = read_paths_below(section, "free", path);
    std::vector<PathPattern> auth_only = read_paths_below(section, "auth_only", path);
    std::optional<std::string> description = read_description(section);
    std::optional<ServiceName> realm = read_name(section, "realm", {});
    std::vector<std::string> cors = read_cors(section);
    bool dry_run = section.flag("dry_run").value_or(false);
    Appearance shown = read_appearance(section);
    std::vector<Route> routes = read_routes(section, path, faults);
    limits::UseRates limits = read_service_limits(section);
    Schemes schemes;
    read_schemes(section, schemes);
    const std::optional<bool> lsat = section.flag("lsat");
    if (lsat && !schemes.l402) section.fault("lsat", "is about L402's challenge: add \"l402\" to schemes");
    schemes.lsat = lsat.value_or(true);
    if (!schemes.l402 && !auth_only.empty())
        section.fault("auth_only", "only tokens open it, and this service sells none: add \"l402\" to schemes");
    std::optional<PaymentSessions> sessions = read_sessions(section, schemes, price);
    QuotaTerms terms = read_quota(section, price, routes, sessions.has_value());
    const bool charges = schemes.payment && !(sessions && sessions->offer == PaymentSessions::Offer::alone);
    if (charges && terms.quota.credit)
        section.fault("credit_msat",
                      "a balance is a token's: take \"payment\" out of schemes, by which one request is bought");
    std::optional<Pricer> pricer = read_pricer(section, folder, environment);
    std::vector<Tier> tiers = read_tiers(section, timeout, terms.quota, faults);
    std::optional<FreeAllowance> free_allowance = read_free_allowance(section);
    WorkBuys work_buys = read_work_buys(section);
    PathRules paths = read_path_rules(section);
    bool refuses_unmatched = read_unmatched(section);
    const std::uint64_t lease_uses = read_durability(section);
    if (upstream && upstream->addresses.empty()) check_quota_by_response(section, terms, tiers);
    section.no_others();
    if (!name || !path || !upstream || !price) return std::nullopt;
    Service service{*name,
                    host,
                    *path,
                    std::move(methods),
                    std::move(*upstream),
                    Msat(*price),
                    timeout,
                    std::move(free),
                    std::move(auth_only),
                    std::move(description),
                    realm,
                    std::move(cors),
                    dry_run,
                    std::move(routes),
                    limits,
                    static_cast<int>(section.line()),
                    shown.pay_page,
                    shown.hidden,
                    shown.forward_options,
                    schemes,
                    terms.quota,
                    std::move(terms.cost_header),
                    terms.max_cost,
                    free_allowance,
                    work_buys,
                    std::move(sessions),
                    std::make_shared<const Origin>(Origin{masked(to_json(table))}),
                    std::move(pricer),
                    std::move(tiers),
                    paths,
                    refuses_unmatched,
                    lease_uses};
    check_paths(section, service);
    check_priced_fields(section, service);
    check_durability(section, service);
    check_pricer(service, faults);
    check_tiers(service, faults);
    check_max_cost(service, faults);
    return service;
}

void check_services(const std::vector<Service>& services, Faults& faults) {
    check_overlaps(services, faults);
    check_quotas(services, faults);
}

std::string place_of(const Service& service) {
    return service.line > 0 ? "of line " + std::to_string(service.line) : "stored through the admin API";
}

void note(Faults& faults, const Service& service, std::string_view key, std::string_view what) {
    if (service.line > 0) return faults.note(static_cast<std::uint32_t>(service.line), key, what);
    std::string pointer = '/' + std::string(key.substr(key.rfind('.') + 1));
    faults.add({stored_source(service.name.text()), 0, std::move(pointer), std::string(key), std::string(what)});
}

}  // namespace millrace::config
