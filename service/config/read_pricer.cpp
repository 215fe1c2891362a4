#include "service/config/read_pricer.hpp"

#include <algorithm>
#include <array>

#include "common/codec/ascii.hpp"
#include "common/codec/field_name.hpp"
#include "common/l402/credential.hpp"
#include "service/config/header_value.hpp"
#include "service/config/read_keys.hpp"
#include "service/config/read_upstream.hpp"

namespace millrace::config {
namespace {

constexpr std::array<std::string_view, 6> known_facts = {"method", "host", "path", "query", "content_length", "units"};
constexpr std::string_view client = "client";

// Where a URL's path begins: "http://host:1/price" and "unix:/run/p.sock:/price".
std::size_t path_of(std::string_view url) {
    std::size_t begin = 0;
    if (url.starts_with("unix:")) {
        begin = url.find(":/", 5);
        return begin == std::string_view::npos ? url.size() : begin + 1;
    }
    begin = url.find("://");
    if (begin == std::string_view::npos) return url.size();
    return std::min(url.find('/', begin + 3), url.size());
}

// What may be told of a request is neither a credential nor who asks.
bool is_secret(std::string_view name) {
    constexpr std::array<std::string_view, 4> secrets = {"authorization", "proxy-authorization", "cookie",
                                                         "x-forwarded-for"};
    return l402::is_credential_header(name) ||
           std::any_of(secrets.begin(), secrets.end(), [&](auto one) { return codec::same_variable(one, name); });
}

}  // namespace

std::string Pricer::url() const {
    if (upstream.addresses.empty()) return {};
    const UpstreamAddress& address = upstream.addresses.front();
    return address.url() + (address.socket.empty() ? path : ':' + path);
}

bool read_pricer_url(Reading& in, Asked key, Pricer& out) {
    auto url = in.section.text(key.name, key.wanted);
    if (!url) return false;
    std::size_t at = path_of(*url);
    std::string address = url->substr(0, at);
    if (address.starts_with("unix:") && address.ends_with(':')) address.pop_back();
    if (at < url->size()) out.path = url->substr(at);
    auto parsed = parse_upstream_address(address, in.source.folder);
    bool plain = std::all_of(out.path.begin(), out.path.end(), [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
    if (!parsed || !plain) {
        in.section.fault(
            key.name,
            "must be http:// or https:// with a host, and a path, or unix: with the path of a socket, as in "
            "\"unix:/run/pricer.sock:/price\", not \"" +
                *url + '"');
        return false;
    }
    out.upstream.addresses = {*parsed};
    return true;
}

bool read_facts(Reading& in, Asked key, std::vector<std::string>& out) {
    std::vector<std::string> facts = in.section.texts(key.name);
    if (!in.section.has(key.name)) return false;
    out = std::move(facts);
    for (const std::string& fact : out) {
        bool known = fact == client || std::find(known_facts.begin(), known_facts.end(), fact) != known_facts.end();
        if (!known) {
            in.section.fault(key.name, "does not know \"" + fact +
                                           "\"; known here: method, host, path, query, content_length, units, client");
        } else if (std::count(out.begin(), out.end(), fact) > 1) {
            in.section.fault(key.name, "names \"" + fact + "\" twice");
        }
    }
    return true;
}

bool read_told_headers(Reading& in, Asked key, std::vector<std::string>& out) {
    out = in.section.texts(key.name);
    for (std::string& name : out) {
        if (is_secret(name))
            in.section.fault(key.name, '"' + name + "\" may hold a credential, or tell who asks: it is not passed on");
        else if (name.empty() || name.find_first_of(" \t:\r\n") != std::string::npos)
            in.section.fault(key.name, '"' + name + "\" is no name of a header field");
        else if (fault_of_header_name(name))
            in.section.fault(key.name, '"' + name + "\" does not reach the upstream as clients send it");
        std::transform(name.begin(), name.end(), name.begin(), codec::to_lower);
    }
    return true;
}

void Pricer::check(Reading& in, Pricer& pricer) {
    if (pricer.min > pricer.max) in.section.fault("min_msat", "must not be more than max_msat");
    if (pricer.fallback && (*pricer.fallback < pricer.min || *pricer.fallback > pricer.max))
        in.section.fault("fallback_msat", "must lie between min_msat and max_msat");
    const std::vector<UpstreamAddress>& addresses = pricer.upstream.addresses;
    if (in.section.has("tls") && !addresses.empty() && !addresses.front().tls)
        in.section.fault("tls", "is for an https:// url");
}

void check_pricer(const Service& service, Faults& faults) {
    if (!service.pricer) return;
    auto check = [&](const Quota& quota, const std::string& whose) {
        if (!quota.credit || service.pricer->max <= *quota.credit) return;
        faults.note(static_cast<std::uint32_t>(service.line), "service.pricer.max_msat",
                    "must be at most the credit_msat of " + whose + ", " + std::to_string(quota.credit->value()) +
                        ": a balance that holds less than a request's price never pays for it");
    };
    if (service.tiers.empty()) check(service.quota, "the service");
    for (const Tier& tier : service.tiers) check(tier.quota, "tier \"" + tier.name + '"');
}

}  // namespace millrace::config
