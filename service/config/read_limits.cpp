#include "service/config/read_limits.hpp"

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

void read_rate(Section& section, std::string_view key, limits::Rate& out) {
    std::optional<limits::Rate> rate;
    section.rate(key, rate);
    if (rate) out = *rate;
}

}  // namespace

void read_clients(const toml::table* table, Clients& clients, Faults& faults) {
    Section section(table, "clients", 1, faults);
    clients.trusted_proxies = read_networks(section, "trusted_proxies");
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
    challenges.reuse = section.flag("reuse").value_or(challenges.reuse);
    section.no_others();
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
