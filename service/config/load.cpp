#include "service/config/load.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include "common/ids/ids.hpp"
#include "service/config/load_pages.hpp"
#include "service/config/read_admin.hpp"
#include "service/config/read_limits.hpp"
#include "service/config/read_listen.hpp"
#include "service/config/read_service.hpp"
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

void read_limits(const toml::table* table, Config& config, Faults& faults) {
    Section section(table, "limits", 1, faults);
    section.size("header", config.limits.header, 1024);
    section.size("target", config.limits.target, 64);
    section.size("body", config.limits.body, 0);
    if (auto most = section.integer("connections_per_prefix", 1, 1'000'000))
        config.limits.connections_per_prefix = static_cast<std::size_t>(*most);
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
    section.duration("half_closed", timeouts.half_closed);
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
    if (!node && config.admin) return;  // they come through the admin API
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
        if (auto service = read_service(*element.as_table(), folder, environment, takes_questions(config), faults))
            config.services.push_back(std::move(*service));
    }
    check_services(config.services, faults);
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
    if (auto id = node.text("id")) {
        const auto known = NodeId::from_hex(*id);
        if (!known)
            node.fault("id", "must be the id of the node, 66 hex digits, as `lightning-cli getinfo` shows it");
        else
            config.node_id = known->hex();
    }
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
