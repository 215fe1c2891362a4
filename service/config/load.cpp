#include "service/config/load.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include "service/config/load_pages.hpp"
#include "service/config/read_admin.hpp"
#include "service/config/read_limits.hpp"
#include "service/config/read_listen.hpp"
#include "service/config/read_quota.hpp"
#include "service/config/read_routes.hpp"
#include "service/config/read_upstream.hpp"
#include "service/config/section.hpp"

namespace millrace::config {
namespace {

constexpr std::array<std::string_view, 7> log_levels = {"trace", "debug",    "info", "warning",
                                                        "error", "critical", "off"};

// A file named in the configuration; relative ones are relative to the configuration's own folder.
std::optional<std::filesystem::path> read_path(Section& section, std::string_view key, std::string_view required,
                                               const std::filesystem::path& folder) {
    auto text = section.text(key, required);
    if (!text) return std::nullopt;
    return folder / *text;
}

bool is_host_name(std::string_view host) {
    if (host.empty() || host.size() > 253) return false;
    return host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_[]:") == std::string_view::npos;
}

std::string lower_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
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

Schemes read_schemes(Section& section) {
    Schemes out;
    if (!section.has("schemes")) {
        section.texts("schemes");  // a known key
        return out;
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
    return out;
}

std::optional<Service> read_service(const toml::table& table, const std::filesystem::path& folder,
                                    const Environment& environment, Faults& faults) {
    Section section(&table, "service", static_cast<std::uint32_t>(table.source().begin.line), faults);
    std::optional<ServiceName> name =
        read_name(section, "name", "what the service is called in tokens and metrics, such as \"weather\"");
    HostPattern host = read_host(section);
    std::optional<PathPattern> path =
        read_pattern(section, "path", "the prefix of what is sold, such as \"/weather/\"");
    Methods methods = read_methods(section);
    std::optional<Upstream> upstream =
        read_upstream(section, folder, environment, path ? std::optional<std::string>(path->root()) : std::nullopt);
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
    Schemes schemes = read_schemes(section);
    if (!schemes.l402 && !auth_only.empty())
        section.fault("auth_only", "only tokens open it, and this service sells none: add \"l402\" to schemes");
    QuotaTerms terms = read_quota(section, price, routes);
    if (schemes.payment && terms.quota.credit)
        section.fault("credit_msat",
                      "a balance is a token's: take \"payment\" out of schemes, by which one request is bought");
    section.no_others();
    if (!name || !path || !upstream || !price) return std::nullopt;
    return Service{*name,
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
                   std::move(terms.cost_header)};
}

bool includes(const HostPattern& host, const HostPattern& other) {
    if (host.kind == HostPattern::Kind::any || host == other) return true;
    return host.kind == HostPattern::Kind::suffix && other.kind != HostPattern::Kind::any &&
           other.text.size() > host.text.size() &&
           std::string_view(other.text).substr(other.text.size() - host.text.size()) == host.text;
}

// Services are asked in the order of the file: each needs a name of its own, and requests that reach it.
void check_overlaps(const std::vector<Service>& services, Faults& faults) {
    for (std::size_t i = 0; i < services.size(); ++i) {
        const Service& later = services[i];
        auto line = static_cast<std::uint32_t>(later.line);
        for (std::size_t j = 0; j < i; ++j) {
            const Service& earlier = services[j];
            if (later.name == earlier.name) {
                faults.note(line, "service.name",
                            "\"" + later.name.text() + "\" is already the service of line " +
                                std::to_string(earlier.line) + "; each service needs a name of its own");
            }
            if (includes(earlier.host, later.host) && earlier.methods.includes(later.methods) &&
                earlier.path.hides(later.path)) {
                faults.note(line, "service.path",
                            "overlaps service \"" + earlier.name.text() + "\" of line " + std::to_string(earlier.line) +
                                ", which answers every request to host \"" + later.host.written() + "\" and path \"" +
                                later.path.text() + "\" first; put the narrower service in front");
            }
        }
        for (const Service& other : services) {
            if (!later.realm || other.name != *later.realm || other.realm == later.realm) continue;
            faults.note(line, "service.realm",
                        "\"" + later.realm->text() + "\" is the name of the service of line " +
                            std::to_string(other.line) +
                            ", which is not in this realm; choose another name for the realm");
        }
    }
}

void read_limits(const toml::table* table, Config& config, Faults& faults) {
    Section section(table, "limits", 1, faults);
    section.size("header", config.limits.header, 1024);
    section.size("target", config.limits.target, 64);
    section.size("body", config.limits.body, 0);
    if (config.limits.header > 1024 * 1024) section.fault("header", "must be at most \"1MiB\"");
    if (section.has("target") && config.limits.target > config.limits.header)
        section.fault("target", "must not be more than limits.header");
    config.limits.target = std::min(config.limits.target, config.limits.header);
    section.no_others();
}

void read_timeouts(const toml::table* table, Config& config, Faults& faults) {
    Section section(table, "timeouts", 1, faults);
    Timeouts& timeouts = config.timeouts;
    section.duration("idle", timeouts.idle);
    section.duration("header", timeouts.header);
    section.duration("body", timeouts.body);
    section.duration("upstream_connect", timeouts.upstream_connect);
    section.duration("upstream_response", timeouts.upstream_response);
    section.duration("tunnel", timeouts.tunnel);
    section.duration("drain", timeouts.drain);
    section.no_others();
}

// The sub-table `key`; a value of another type is a fault.
const toml::table* sub_table(const toml::table& root, std::string_view key, Faults& faults) {
    const toml::node* node = root.get(key);
    if (node && !node->is_table())
        faults.note(static_cast<std::uint32_t>(node->source().begin.line), key,
                    "must be a table: [" + std::string(key) + ']');
    return node ? node->as_table() : nullptr;
}

void read_services(const toml::table& root, const std::filesystem::path& folder, const Environment& environment,
                   Config& config, Faults& faults) {
    const toml::node* node = root.get("service");
    const toml::array* array = node ? node->as_array() : nullptr;
    if (!array || array->empty()) {
        faults.note(node ? static_cast<std::uint32_t>(node->source().begin.line) : 1, "service",
                    "missing: at least one [[service]] to sell");
        return;
    }
    for (const toml::node& element : *array) {
        if (!element.is_table()) {
            faults.note(static_cast<std::uint32_t>(element.source().begin.line), "service",
                        "must be a table: [[service]]");
            continue;
        }
        if (auto service = read_service(*element.as_table(), folder, environment, faults))
            config.services.push_back(std::move(*service));
    }
    check_overlaps(config.services, faults);
    check_quotas(config.services, faults);
}

void read_rest(const toml::table& root, const std::filesystem::path& folder, Config& config, Faults& faults) {
    if (const toml::table* table = sub_table(root, "metrics", faults)) {
        Section section(table, "metrics", static_cast<std::uint32_t>(table->source().begin.line), faults);
        config.metrics = read_address(section, "where /metrics, /healthz and /readyz are, such as \"127.0.0.1:9402\"");
        section.no_others();
    }
    read_admin(sub_table(root, "admin", faults), folder, config, faults);
    const toml::table* node_table = sub_table(root, "node", faults);
    Section node(node_table, "node", node_table ? static_cast<std::uint32_t>(node_table->source().begin.line) : 1,
                 faults);
    if (auto path = read_path(node, "gateway",
                              "the plugin's socket, such as \"/var/lib/lightning/bitcoin/millrace.sock\"", folder))
        config.gateway = *path;
    node.no_others();
    const toml::table* store_table = sub_table(root, "store", faults);
    Section store(store_table, "store", store_table ? static_cast<std::uint32_t>(store_table->source().begin.line) : 1,
                  faults);
    if (auto path = read_path(store, "path", "the database file, such as \"millrace.db\"", folder))
        config.store = *path;
    store.no_others();
    Section log(sub_table(root, "log", faults), "log", 1, faults);
    if (auto level = log.text("level")) {
        config.log_level = *level;
        if (std::find(log_levels.begin(), log_levels.end(), *level) == log_levels.end()) {
            log.fault("level",
                      "must be one of trace, debug, info, warning, error, critical, off, not \"" + *level + '"');
        }
    }
    log.no_others();
    read_limits(sub_table(root, "limits", faults), config, faults);
    read_timeouts(sub_table(root, "timeouts", faults), config, faults);
    read_clients(sub_table(root, "clients", faults), config.clients, faults);
    read_challenges(sub_table(root, "challenges", faults), config.challenges, faults);
    read_pay_page(sub_table(root, "pay_page", faults), config, faults);
    read_discovery(sub_table(root, "discovery", faults), config, faults);
}

void check_top_level(const toml::table& root, Faults& faults) {
    constexpr std::array<std::string_view, 13> known = {"listen",     "metrics",   "admin",    "node",     "store",
                                                        "log",        "limits",    "timeouts", "pay_page", "clients",
                                                        "challenges", "discovery", "service"};
    for (const auto& [key, value] : root) {
        if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
        faults.note(static_cast<std::uint32_t>(key.source().begin.line), key.str(),
                    "unknown key; known here: listen, metrics, admin, node, store, log, limits, timeouts, pay_page, "
                    "clients, challenges, discovery, service");
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

Result<Config> parse(std::string_view text, std::string_view file, const Environment& environment) {
    toml::table root;
    try {
        root = toml::parse(text, file);
    } catch (const toml::parse_error& error) {
        return Error{to_error_code(Errc::bad_syntax), std::string(file) + ':' +
                                                          std::to_string(error.source().begin.line) +
                                                          ": not TOML: " + std::string(error.description())};
    }
    Config config;
    Faults faults(file);
    std::filesystem::path folder = std::filesystem::path(file).parent_path();
    check_top_level(root, faults);
    read_listen(root, folder, config, faults);
    read_rest(root, folder, config, faults);
    read_services(root, folder, environment, config, faults);
    if (!faults.none()) return Error{to_error_code(Errc::bad_value), faults.text()};
    return config;
}

Result<Config> load(const std::filesystem::path& file, const Environment& environment) {
    std::ifstream in(file, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (!in.good() && !in.eof())
        return fail(Errc::unreadable, file.string() + ": no such file, or no permission to read it");
    return parse(text, file.string(), environment);
}

}  // namespace millrace::config
