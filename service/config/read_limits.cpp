#include "service/config/read_limits.hpp"

#include <algorithm>

#include "common/codec/ascii.hpp"

namespace millrace::config {
namespace {

std::vector<limits::Network> read_networks(Section& section, std::string_view key) {
    std::vector<limits::Network> out;
    for (const std::string& text : section.texts(key)) {
        if (auto network = limits::Network::parse(text)) {
            out.push_back(*network);
        } else {
            section.fault(
                key, "\"" + text + "\" must be an address or a network such as \"192.0.2.0/24\" or \"2001:db8::/32\"");
        }
    }
    return out;
}

// trusted_headers = ["X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Prefix"]
TrustedHeaders read_trusted_headers(Section& section) {
    constexpr std::string_view key = "trusted_headers";
    if (!section.has(key)) return {};
    TrustedHeaders out{false, false, false};
    for (const std::string& name : section.texts(key)) {
        if (codec::iequals(name, "X-Forwarded-Proto"))
            out.proto = true;
        else if (codec::iequals(name, "X-Forwarded-Host"))
            out.host = true;
        else if (codec::iequals(name, "X-Forwarded-Prefix"))
            out.prefix = true;
        else
            section.fault(key, "\"" + name +
                                   "\" must be X-Forwarded-Proto, X-Forwarded-Host or X-Forwarded-Prefix; "
                                   "X-Forwarded-For is always believed");
    }
    return out;
}

void read_rate(Section& section, std::string_view key, limits::Rate& out) {
    std::optional<limits::Rate> rate;
    section.rate(key, rate);
    if (rate) out = *rate;
}

// pow = { bits = 20, max_bits = 26, lifetime = "1m", in_all = "10/s" }
std::optional<Work> read_work(Section& challenges) {
    const toml::table* table = challenges.table("pow", "{ bits = 20 }");
    if (!table) return std::nullopt;
    Work out;
    Section section = challenges.below("pow", *table);
    if (auto bits = section.integer("bits", 1, Work::most_bits)) out.bits = static_cast<unsigned>(*bits);
    out.max_bits = std::min(out.bits + 6, Work::most_bits);
    if (auto bits = section.integer("max_bits", 1, Work::most_bits)) out.max_bits = static_cast<unsigned>(*bits);
    if (out.max_bits < out.bits) section.fault("max_bits", "must not be less than bits, " + std::to_string(out.bits));
    std::chrono::milliseconds lifetime = out.lifetime;
    section.duration("lifetime", lifetime);
    out.lifetime = std::chrono::duration_cast<std::chrono::seconds>(lifetime);
    const bool whole = lifetime == out.lifetime;
    if (lifetime.count() > 0 && (!whole || out.lifetime > std::chrono::hours(1)))
        section.fault("lifetime", "must be whole seconds, at most \"1h\"");
    read_rate(section, "in_all", out.in_all);
    section.no_others();
    return out;
}

}  // namespace

void read_clients(const toml::table* table, Clients& clients, Faults& faults) {
    Section section(table, "clients", 1, faults);
    clients.trusted_proxies = read_networks(section, "trusted_proxies");
    clients.trusted_headers = read_trusted_headers(section);
    clients.allow = read_networks(section, "allow");
    clients.block = read_networks(section, "block");
    section.no_others();
}

void read_challenges(const toml::table* table, Challenges& challenges, Faults& faults) {
    Section section(table, "challenges", 1, faults);
    read_rate(section, "per_prefix", challenges.per_prefix);
    read_rate(section, "in_all", challenges.in_all);
    auto count = [&](std::string_view key, std::uint64_t min, std::uint64_t max, std::size_t& out) {
        if (auto value = section.integer(key, min, max)) out = static_cast<std::size_t>(*value);
    };
    count("max_open_per_prefix", 1, 1'000'000, challenges.max_open_per_prefix);
    count("max_open", 1, 10'000'000, challenges.max_open);
    count("pool", 0, 1000, challenges.pool);
    challenges.pow = read_work(section);
    challenges.reuse = section.flag("reuse").value_or(challenges.reuse);
    section.no_others();
}

WorkBuys read_work_buys(Section& service) {
    const std::string text = service.text("pow").value_or("invoice");
    if (text == "request") return WorkBuys::request;
    if (text == "off") return WorkBuys::nothing;
    if (text != "invoice") service.fault("pow", "must be \"invoice\", \"request\" or \"off\", not \"" + text + '"');
    return WorkBuys::invoice;
}

limits::UseRates read_service_limits(Section& service) {
    limits::UseRates out;
    const toml::table* table =
        service.table("limits", "{ per_token = \"10/s\", per_prefix = \"20/s\", in_all = \"500/s\" }");
    if (!table) return out;
    Section section = service.below("limits", *table);
    section.rate("per_token", out.per_token);
    section.rate("per_prefix", out.per_prefix);
    section.rate("in_all", out.in_all);
    section.no_others();
    return out;
}

}  // namespace millrace::config
