#include "service/config/read_pricer.hpp"

#include <algorithm>
#include <array>

#include "common/codec/ascii.hpp"
#include "common/codec/field_name.hpp"
#include "common/l402/credential.hpp"
#include "service/config/header_value.hpp"
#include "service/config/read_upstream.hpp"

namespace millrace::config {
namespace {

constexpr std::string_view example = "{ url = \"http://127.0.0.1:9100/price\" }";
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

void read_url(Section& section, const std::filesystem::path& folder, Pricer& out) {
    auto url = section.text("url", "where prices are asked for, such as \"http://127.0.0.1:9100/price\"");
    if (!url) return;
    std::size_t at = path_of(*url);
    std::string address = url->substr(0, at);
    if (address.starts_with("unix:") && address.ends_with(':')) address.pop_back();
    if (at < url->size()) out.path = url->substr(at);
    auto parsed = parse_upstream_address(address, folder);
    bool plain = std::all_of(out.path.begin(), out.path.end(), [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
    if (!parsed || !plain) {
        section.fault("url",
                      "must be http:// or https:// with a host, and a path, or unix: with the path of a socket, as in "
                      "\"unix:/run/pricer.sock:/price\", not \"" +
                          *url + '"');
        return;
    }
    out.upstream.addresses = {*parsed};
}

Msat read_bound(Section& section, std::string_view key, std::uint64_t min, Msat otherwise) {
    auto value = section.integer(key, min, max_price_msat);
    return value ? Msat(*value) : otherwise;
}

void read_prices(Section& section, Pricer& out) {
    out.min = read_bound(section, "min_msat", 0, out.min);
    out.max = read_bound(section, "max_msat", 1, out.max);
    if (auto value = section.integer("fallback_msat", 1, max_price_msat)) out.fallback = Msat(*value);
    if (out.min > out.max) section.fault("min_msat", "must not be more than max_msat");
    if (out.fallback && (*out.fallback < out.min || *out.fallback > out.max))
        section.fault("fallback_msat", "must lie between min_msat and max_msat");
}

// What may be told of a request is neither a credential nor who asks.
bool is_secret(std::string_view name) {
    constexpr std::array<std::string_view, 4> secrets = {"authorization", "proxy-authorization", "cookie",
                                                         "x-forwarded-for"};
    return l402::is_credential_header(name) ||
           std::any_of(secrets.begin(), secrets.end(), [&](auto one) { return codec::same_variable(one, name); });
}

void read_facts(Section& section, Pricer& out) {
    std::vector<std::string> facts = section.texts("facts");
    if (section.has("facts")) out.facts = std::move(facts);
    for (const std::string& fact : out.facts) {
        bool known = fact == client || std::find(known_facts.begin(), known_facts.end(), fact) != known_facts.end();
        if (!known) {
            section.fault("facts", "does not know \"" + fact +
                                       "\"; known here: method, host, path, query, content_length, units, client");
        } else if (std::count(out.facts.begin(), out.facts.end(), fact) > 1) {
            section.fault("facts", "names \"" + fact + "\" twice");
        }
    }
    out.headers = section.texts("headers");
    for (std::string& name : out.headers) {
        if (is_secret(name))
            section.fault("headers", '"' + name + "\" may hold a credential, or tell who asks: it is not passed on");
        else if (name.empty() || name.find_first_of(" \t:\r\n") != std::string::npos)
            section.fault("headers", '"' + name + "\" is no name of a header field");
        else if (fault_of_header_name(name))
            section.fault("headers", '"' + name + "\" does not reach the upstream as clients send it");
        std::transform(name.begin(), name.end(), name.begin(), codec::to_lower);
    }
}

}  // namespace

std::string Pricer::url() const {
    const UpstreamAddress& address = upstream.addresses.front();
    return address.url() + (address.socket.empty() ? path : ':' + path);
}

std::optional<Pricer> read_pricer(Section& service, const std::filesystem::path& folder,
                                  const Environment& environment) {
    const toml::table* table = service.table("pricer", example);
    if (!table) return std::nullopt;
    Section section = service.below("pricer", *table);
    Pricer out;
    read_url(section, folder, out);
    section.duration("timeout", out.timeout);
    if (out.timeout > std::chrono::seconds(30))
        section.fault("timeout", "must be at most \"30s\": a buyer waits for it");
    section.duration("cache", out.cache);
    read_prices(section, out);
    read_facts(section, out);
    if (auto calls = section.integer("calls", 1, 1024)) out.calls = static_cast<std::size_t>(*calls);
    out.upstream.tls = read_upstream_tls(section, "tls", folder);
    out.upstream.headers = read_upstream_headers(section, "send", folder, environment);
    section.no_others();
    if (out.upstream.addresses.empty()) return std::nullopt;
    if (section.has("tls") && !out.upstream.addresses.front().tls) section.fault("tls", "is for an https:// url");
    return out;
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
