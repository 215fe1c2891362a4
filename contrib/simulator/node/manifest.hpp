// What a plugin answers to getmanifest (a-day-in-the-life-of-a-plugin.md), read with lightningd's strictness.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace millrace::sim {

enum class OptionType { string, string_conceal, integer, boolean, flag };

struct PluginOption {
    std::string name;
    OptionType type = OptionType::string;
    std::string description;
    boost::json::value default_value;  // null: none
    bool multi = false;
    bool dynamic = false;
    // What the configuration set it to; empty: unset.
    std::vector<std::string> given;
    std::string source;  // "cmdline", "pluginstart", "setconfig transient", …
};

struct PluginMethod {
    std::string name;
    std::string usage;
};

struct PluginHook {
    std::string name;
    std::vector<std::string> before;
    std::vector<std::string> after;
};

struct Manifest {
    std::vector<PluginOption> options;
    std::vector<PluginMethod> methods;
    std::vector<std::string> subscriptions;
    std::vector<PluginHook> hooks;
    std::vector<std::string> topics;  // notifications that it may send
    bool dynamic = false;
    bool can_check = false;
    std::optional<std::string> disable;
};

// The manifest, or what lightningd would say is wrong with it.
[[nodiscard]] std::variant<Manifest, std::string> read_manifest(const boost::json::value& result);

// The value as `init` and listconfigs give it; null for an option that is unset and has no default.
// Errors as a sentence: text that is no value of the option's type.
[[nodiscard]] std::variant<boost::json::value, std::string> option_value(const PluginOption& option);

}  // namespace millrace::sim
