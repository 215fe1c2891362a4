// What the plugin tells lightningd about itself (getmanifest), and what lightningd tells it (init).
// Source: lightningd/plugin.c of v26.06.6; doc/developers-guide/plugin-development/a-day-in-the-life-of-a-plugin.md.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "common/result/error.hpp"
#include "plugin/host/command.hpp"

namespace millrace::host {

struct Option {
    std::string name;
    std::string type;  // "string", "int", "bool", "flag"
    boost::json::value default_value;
    std::string description;  // the default is said in it
    bool dynamic = false;     // may be changed by setconfig
};

struct Manifest {
    std::vector<Option> options;
    std::vector<std::string> subscriptions;
    std::vector<std::string> hooks;
};

[[nodiscard]] boost::json::object to_json(const Manifest& manifest, const std::vector<Command>& commands);

struct InitMessage {
    boost::json::value options;  // an object: the options that are set or have a default
    std::string lightning_dir;   // with the network's name at its end
    std::string rpc_file;        // relative to lightning_dir, or absolute
    std::string network;         // "bitcoin", "testnet", "signet", "regtest", ...
    Bytes invoice_features;      // feature_set.invoice
    bool startup = false;        // lightningd itself has just started, its other plugins too
};

// Errors: json::Errc, codec::Errc.
[[nodiscard]] Result<InitMessage> parse_init(const boost::json::value& params);

}  // namespace millrace::host
