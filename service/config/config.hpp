// millraced's configuration: what load() makes of a millraced.toml, checked and typed. Immutable once loaded.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "service/config/challenges.hpp"
#include "service/config/clients.hpp"
#include "service/config/config_error.hpp"
#include "service/config/discovery.hpp"
#include "service/config/key.hpp"
#include "service/config/limits.hpp"
#include "service/config/listen.hpp"
#include "service/config/pay_pages.hpp"
#include "service/config/service.hpp"
#include "service/config/timeouts.hpp"

namespace millrace::config {

struct Config;
bool read_listen(Reading& in, Asked key, Config& out);
bool read_services(Reading& in, Asked key, Config& out);
bool read_node_id(Reading& in, Asked key, std::string& out);
bool read_log_level(Reading& in, Asked key, std::string& out);

// [node], [store] and [log], whose keys are fields of Config.
struct NodeKeys;
struct StoreKeys;
struct LogKeys;

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

    // The sections of the file.
    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("listen", &Config::listen, sections(read_listen), ""));
        visit(key("metrics", &Config::metrics, Heading<MetricsKeys>{}, ""));
        visit(key("admin", &Config::admin, Heading{}, "Where operators ask what is going on and change things"));
        visit(key("node", Itself{}, Heading<NodeKeys>{}, ""));
        visit(key("store", Itself{}, Heading<StoreKeys>{}, ""));
        visit(key("log", Itself{}, Heading<LogKeys>{}, ""));
        visit(key("limits", &Config::limits, Heading{}, ""));
        visit(key("timeouts", &Config::timeouts, Heading{}, ""));
        visit(key("pay_page", &Config::pay_page, Heading{}, ""));
        visit(key("clients", &Config::clients, Heading{}, ""));
        visit(key("challenges", &Config::challenges, Heading{}, "What asking without paying may cost."));
        visit(key("discovery", &Config::discovery, Heading{}, "What clients read before they buy"));
        visit(key("service", &Config::services, sections(read_services), "One section for each thing that is sold."));
    }
};

struct NodeKeys {
    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("gateway", &Config::gateway, File{}, "The plugin's socket")
                  .required("the plugin's socket, such as \"/var/lib/lightning/bitcoin/millrace.sock\""));
        visit(key("id", &Config::node_id, by(read_node_id), "The id of the node to sell for, 66 hex digits.")
                  .otherwise("the node that the database knows"));
    }
};

struct StoreKeys {
    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("path", &Config::store, File{}, "The SQLite database.")
                  .required("the database file, such as \"millrace.db\""));
    }
};

struct LogKeys {
    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("level", &Config::log_level, by(read_log_level),
                  "trace, debug, info, warning, error, critical or off."));
    }
};

// Whether some listener takes the questions of front proxies: services need no upstream then.
[[nodiscard]] bool takes_questions(const Config& config);

}  // namespace millrace::config
