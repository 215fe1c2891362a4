#include "service/config/read_service.hpp"

#include <algorithm>

#include "common/codec/ascii.hpp"
#include "common/codec/field_name.hpp"
#include "service/config/definition.hpp"
#include "service/config/durability.hpp"
#include "service/config/read_keys.hpp"
#include "service/config/read_paths.hpp"
#include "service/config/read_pricer.hpp"
#include "service/config/read_quota.hpp"
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

bool includes(const HostPattern& host, const HostPattern& other) {
    if (host.kind == HostPattern::Kind::any || host == other) return true;
    return host.kind == HostPattern::Kind::suffix && other.kind != HostPattern::Kind::any &&
           other.text.size() > host.text.size() &&
           std::string_view(other.text).substr(other.text.size() - host.text.size()) == host.text;
}

// Without an upstream nobody here sees what a response holds.
void check_quota_by_response(Section& section, const Service& service) {
    constexpr std::string_view by_response =
        "counts by the response, which forward auth does not see: give the service an upstream, or sell it by uses or "
        "credit_msat";
    if (service.quota.bytes) section.fault("bytes", by_response);
    if (!service.cost_header.empty()) section.fault("cost_header", by_response);
    for (const Tier& tier : service.tiers) {
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

bool read_host(Reading& in, Asked key, HostPattern& out) {
    auto text = in.section.text(key.name);
    if (!text) return false;
    if (*text == "*") return true;
    std::string host = lower_case(*text);
    bool suffix = host.starts_with("*.");
    std::string name = suffix ? host.substr(1) : host;
    bool has_port = name.find(':') != std::string::npos && name.front() != '[';
    if (!is_host_name(suffix ? std::string_view(name).substr(1) : std::string_view(name)) || has_port) {
        in.section.fault(
            key.name,
            "must be \"*\", a host name without a port such as \"api.example.com\", or \"*.example.com\", not \"" +
                *text + '"');
        return false;
    }
    out = {suffix ? HostPattern::Kind::suffix : HostPattern::Kind::exact, name};
    return true;
}

bool read_schemes(Reading& in, Asked key, Schemes& out) {
    const std::vector<std::string> names = in.section.texts(key.name);
    if (!in.section.has(key.name)) return false;
    out.l402 = false;
    if (names.empty()) in.section.fault(key.name, "must name \"l402\", \"payment\" or both");
    for (const std::string& scheme : names) {
        bool* chosen = scheme == "l402" ? &out.l402 : scheme == "payment" ? &out.payment : nullptr;
        if (!chosen)
            in.section.fault(key.name, "must name \"l402\", \"payment\" or both, not \"" + scheme + '"');
        else if (*chosen)
            in.section.fault(key.name, "names \"" + scheme + "\" twice");
        else
            *chosen = true;
    }
    return true;
}

bool read_lsat(Reading& in, Asked key, Service& out) {
    const auto lsat = in.section.flag(key.name);
    if (!lsat) return false;
    if (!out.schemes.l402) in.section.fault(key.name, "is about L402's challenge: add \"l402\" to schemes");
    out.schemes.lsat = *lsat;
    return true;
}

// What the keys of a section must be beside each other; what the whole service must be is looked at in read_service().
void Service::check(Reading& in, Service& service) {
    Section& section = in.section;
    check_upstream(in, service);
    if (!service.schemes.l402 && !service.auth_only.empty())
        section.fault("auth_only", "only tokens open it, and this service sells none: add \"l402\" to schemes");
    check_sessions(section, service.schemes, service.price, service.sessions);
    check_quota(section, service);
    if (service.charges() && service.quota.credit)
        section.fault("credit_msat",
                      "a balance is a token's: take \"payment\" out of schemes, by which one request is bought");
    if (without_upstream(in)) check_quota_by_response(section, service);
}

std::optional<Service> read_service(const toml::table& table, const Source& source, Faults& faults) {
    Section section(&table, "service", static_cast<std::uint32_t>(table.source().begin.line), faults);
    Reading in{section, source};
    Service service{.name = ServiceName::parse("unnamed").value(), .line = static_cast<int>(section.line())};
    if (!read_keys<Service>(in, service)) return std::nullopt;
    service.origin = std::make_shared<const Origin>(Origin{masked(to_json(table))});
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
