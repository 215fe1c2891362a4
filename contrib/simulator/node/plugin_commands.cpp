// plugin, listconfigs, setconfig: lightningd/plugin_control.c and configs.c.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <utility>

#include "contrib/simulator/node/daemon.hpp"

namespace millrace::sim {

namespace json = boost::json;

namespace {

using SessionPtr = std::shared_ptr<RpcSession>;

json::object plugin_list(NodeCore& core, std::string_view command) {
    json::array plugins;
    for (const PluginPtr& plugin : core.plugins->plugins()) {
        plugins.push_back(json::object{
            {"name", plugin->path}, {"active", plugin->initialised}, {"dynamic", plugin->manifest.dynamic}});
    }
    return {{"command", command}, {"plugins", std::move(plugins)}};
}

std::string text_of(const json::value& value) {
    return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

void start_plugin(Daemon& node, Params& in, const Reply& reply) {
    std::string path = in.string("plugin");
    std::map<std::string, std::vector<std::string>> options;
    if (const json::value* given = in.find("options")) {
        // {"name": value, …} or ["name=value", …]
        if (const json::object* object = given->if_object()) {
            for (const auto& [name, value] : *object) {
                if (const json::array* values = value.if_array()) {
                    for (const json::value& one : *values) options[std::string(name)].push_back(text_of(one));
                } else {
                    options[std::string(name)].push_back(text_of(value));
                }
            }
        } else if (const json::array* array = given->if_array()) {
            for (const json::value& one : *array) {
                const std::string text = text_of(one);
                const std::size_t split = text.find('=');
                options[text.substr(0, split)].push_back(split == std::string::npos ? "" : text.substr(split + 1));
            }
        } else {
            in.bad("options", "should be an object or an array");
        }
    }
    for (const auto& [name, value] : in.others()) options[std::string(name)].push_back(text_of(value));
    if (in.ends(reply)) return;
    NodeCore& core = node.core();
    if (path.find('/') == std::string::npos && !std::filesystem::exists(path))
        path = core.setup.home + "/plugins/" + path;
    core.plugins->start(path, std::move(options),
                        [&core, weak = core.weak_from_this(), reply](std::optional<std::string> error) {
                            if (!weak.lock()) return;
                            if (error) return reply.error(rpc_code::plugin_error, *error);
                            reply.result(plugin_list(core, "start"));
                        });
}

void stop_plugin(Daemon& node, Params& in, const Reply& reply) {
    const std::string name = in.string("plugin");
    if (in.ends(reply)) return;
    NodeCore& core = node.core();
    const PluginPtr plugin = core.plugins->find(name);
    if (!plugin) return reply.error(rpc_code::bad_params, "Could not find plugin " + name);
    core.plugins->stop(name, [reply, name](std::optional<std::string> error) {
        if (error) return reply.error(rpc_code::bad_params, *error);
        reply.result(
            json::object{{"command", "stop"},
                         {"result", "Successfully stopped " + std::filesystem::path(name).filename().string() + "."}});
    });
}

void run_plugin(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    const std::string subcommand = in.string("subcommand");
    if (subcommand == "start") return start_plugin(node, in, reply);
    if (subcommand == "stop") return stop_plugin(node, in, reply);
    if (subcommand != "list" && subcommand != "rescan" && subcommand != "startdir")
        in.bad("subcommand", "Unknown subcommand");
    if (in.ends(reply)) return;
    reply.result(plugin_list(node.core(), subcommand));
}

// lightningd's own options that plugins and operators ask for, with what they are set to.
json::object own_configs(const NodeSetup& setup) {
    json::object out;
    const auto add = [&](std::string_view name, std::string_view member, json::value value) {
        const bool given = setup.own_options.contains(std::string(name));
        out[name] = json::object{{member, std::move(value)}, {"source", given ? "cmdline" : "default"}};
    };
    add("alias", "value_str", json::value(setup.alias));
    add("rgb", "value_str", json::value(setup.color));
    add("lightning-dir", "value_str", json::value(setup.home));
    add("network", "value_str", json::value(setup.network));
    add("rpc-file", "value_str", json::value("lightning-rpc"));
    add("allow-deprecated-apis", "value_bool", json::value(setup.allow_deprecated));
    add("cltv-delta", "value_int", json::value(setup.cltv_delta));
    add("cltv-final", "value_int", json::value(setup.cltv_final));
    add("max-locktime-blocks", "value_int", json::value(2016));
    add("htlc-minimum-msat", "value_msat", json::value(0));
    out["developer"] = json::object{{"set", false}, {"source", "default"}};
    return out;
}

json::object plugin_config(const Plugin& plugin, const PluginOption& option) {
    json::object out;
    const json::value value = std::get<json::value>(option_value(option));
    const bool number = option.type == OptionType::integer;
    if (option.type == OptionType::flag) {
        out["set"] = !option.given.empty();
    } else if (option.multi) {
        json::array sources;
        const std::size_t count = value.is_array() ? value.get_array().size() : 0;
        for (std::size_t i = 0; i < count; ++i) sources.emplace_back(option.given.empty() ? "default" : option.source);
        out[number ? "values_int" : "values_str"] = value.is_array() ? value : json::value(json::array{});
        out["sources"] = std::move(sources);
        out["plugin"] = plugin.path;
        if (option.dynamic) out["dynamic"] = true;
        return out;
    } else if (!value.is_null()) {
        const char* member = number ? "value_int" : option.type == OptionType::boolean ? "value_bool" : "value_str";
        out[member] = option.type == OptionType::string_conceal ? json::value("...") : value;
    }
    out["source"] = option.given.empty() ? "default" : option.source;
    out["plugin"] = plugin.path;
    if (option.dynamic) out["dynamic"] = true;
    return out;
}

struct FoundOption {
    PluginPtr plugin;
    PluginOption* option = nullptr;
};

FoundOption find_option(NodeCore& core, std::string_view name) {
    for (const PluginPtr& plugin : core.plugins->plugins()) {
        for (PluginOption& option : plugin->manifest.options) {
            if (option.name == name) return {plugin, &option};
        }
    }
    return {};
}

void run_listconfigs(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    const auto wanted = in.optional_string("config");
    NodeCore& core = node.core();
    json::object configs = own_configs(core.setup);
    for (const PluginPtr& plugin : core.plugins->plugins()) {
        for (const PluginOption& option : plugin->manifest.options) {
            // Unset and without a default: lightningd shows only flags.
            const bool unset = option.given.empty() && option.default_value.is_null();
            if (unset && option.type != OptionType::flag && option.name != wanted) continue;
            configs[option.name] = plugin_config(*plugin, option);
        }
    }
    if (wanted && !configs.contains(*wanted)) in.bad("config", "Unknown config option");
    if (in.ends(reply)) return;
    if (wanted) configs = json::object{{*wanted, configs.at(*wanted)}};
    reply.result(json::object{{"configs", std::move(configs)}});
}

void run_setconfig(Daemon& node, Params& in, const Reply& reply, const SessionPtr& session) {
    NodeCore& core = node.core();
    const std::string name = in.string("config");
    const json::value* value = in.find("val");
    const bool transient = in.optional_boolean("transient").value_or(false);
    const FoundOption found = find_option(core, name);
    if (found.option == nullptr) {
        in.bad("config",
               own_configs(core.setup).contains(name) ? "Not a dynamic config option" : "Unknown config option");
    } else if (!found.option->dynamic) {
        in.bad("config", "Not a dynamic config option");
    } else if (value == nullptr && found.option->type != OptionType::flag) {
        in.refuse("missing required parameter: val");
    }
    if (in.faulty(reply)) return;
    std::vector<std::string> given;
    json::object params{{"config", name}};
    if (value != nullptr && found.option->multi) {
        json::array texts;
        if (const json::array* values = value->if_array()) {
            for (const json::value& one : *values) given.push_back(text_of(one));
        } else {
            given.push_back(text_of(*value));
        }
        for (const std::string& one : given) texts.emplace_back(one);
        params["val"] = std::move(texts);
    } else if (value != nullptr) {
        given.push_back(text_of(*value));
        params["val"] = given.back();
    } else {
        given.emplace_back("true");
    }
    PluginOption changed = *found.option;
    changed.given = given;
    const auto read = option_value(changed);
    if (const std::string* wrong = std::get_if<std::string>(&read)) return reply.error(rpc_code::bad_params, *wrong);
    if (in.checking()) {
        params["command_to_check"] = "setconfig";
        const auto checked = [&core, weak = core.weak_from_this(), reply](const PluginAnswer& answer) {
            if (!weak.lock()) return;
            if (answer.error) return reply.raw("error", *answer.error);
            if (!answer.result)
                return reply.error(rpc_code::plugin_terminated, "Plugin terminated before replying to RPC call.");
            reply.result(json::object{{"command_to_check", "setconfig"}});
        };
        return core.plugins->call(found.plugin, "check", json::serialize(params), reply, session, checked);
    }
    core.plugins->call(
        found.plugin, "setconfig", json::serialize(params), reply, session,
        [&core, weak = core.weak_from_this(), reply, name, given, transient](const PluginAnswer& answer) {
            if (!weak.lock()) return;
            if (answer.error) return reply.raw("error", *answer.error);
            if (!answer.result)
                return reply.error(rpc_code::plugin_terminated, "Plugin terminated before replying to RPC call.");
            const FoundOption now = find_option(core, name);
            if (now.option == nullptr)
                return reply.error(rpc_code::plugin_terminated, "Plugin terminated before replying to RPC call.");
            now.option->given = given;
            now.option->source = transient ? "setconfig transient" : core.setup.directory + "/config.setconfig:2";
            if (!transient) core.state.set_options[name] = given;
            json::object config = plugin_config(*now.plugin, *now.option);
            config["config"] = name;
            reply.result(json::object{{"config", std::move(config)}});
        });
}

constexpr Command commands[] = {
    {"plugin", "subcommand [plugin] [options] [directory] ...", run_plugin},
    {"listconfigs", "[config]", run_listconfigs},
    {"setconfig", "config [val] [transient]", run_setconfig},
};

}  // namespace

std::span<const Command> plugin_commands() {
    return commands;
}

}  // namespace millrace::sim
