// Bringing plugins up: getmanifest, the options' values, init. As lightningd/plugin.c does it.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <system_error>
#include <utility>

#include "contrib/simulator/node/plugin_host.hpp"

namespace millrace::sim {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::chrono::seconds startup_timeout{120};  // PLUGIN_STARTUP_TIMEOUT, for each of getmanifest and init

std::string base_name(const std::string& path) {
    return std::filesystem::path(path).filename().string();
}

// Calls `late` after `time`, unless the returned timer is dropped.
std::shared_ptr<asio::steady_timer> alarm(asio::io_context& io, std::chrono::seconds time, std::function<void()> late) {
    auto timer = std::make_shared<asio::steady_timer>(io, time);
    timer->async_wait([late = std::move(late)](boost::system::error_code error) {
        if (!error) late();
    });
    return timer;
}

}  // namespace

void PluginHost::start_all(const std::vector<std::string>& paths, const std::vector<std::string>& important,
                           std::function<void()> ready) {
    std::vector<std::string> all = important;
    for (const std::string& path : paths) {
        if (std::find(all.begin(), all.end(), path) == all.end()) all.push_back(path);
    }
    if (all.empty()) {
        check_leftover_options();
        asio::post(io_, std::move(ready));
        return;
    }
    // lightningd asks all for their manifests, then sends init to all.
    auto waiting = std::make_shared<std::size_t>(all.size());
    auto finished = [waiting, ready = std::move(ready), self = shared_from_this()](std::optional<std::string>) {
        if (--*waiting > 0) return;
        self->check_leftover_options();
        ready();
    };
    for (const std::string& path : all) {
        auto plugin = std::make_shared<Plugin>();
        plugin->path = path;
        plugin->name = base_name(path);
        plugin->important = std::find(important.begin(), important.end(), path) != important.end();
        plugin->start_options = context_.options;
        plugins_.push_back(plugin);
        spawn(plugin, true, finished);
    }
}

void PluginHost::start(const std::string& path, std::map<std::string, std::vector<std::string>> options,
                       std::function<void(std::optional<std::string>)> done) {
    if (!std::filesystem::exists(path)) return done(path + " is not executable: No such file or directory");
    if (const PluginPtr running = find(path)) return done(path + ": already registered");
    auto plugin = std::make_shared<Plugin>();
    plugin->path = path;
    plugin->name = base_name(path);
    plugin->start_options = context_.options;
    for (auto& [name, values] : options) plugin->start_options[name] = std::move(values);
    plugins_.push_back(plugin);
    spawn(plugin, false, std::move(done));
}

void PluginHost::spawn(const PluginPtr& plugin, bool startup, std::function<void(std::optional<std::string>)> done) {
    PluginProcess::Events events;
    events.message = [this, weak = std::weak_ptr(plugin), alive = weak_from_this()](std::string message) {
        const auto self = alive.lock();
        const auto strong = weak.lock();
        if (self && strong) on_message(strong, std::move(message));
    };
    events.ended = [this, weak = std::weak_ptr(plugin), alive = weak_from_this()](bool garbage) {
        const auto self = alive.lock();
        const auto strong = weak.lock();
        if (self && strong) on_ended(strong, garbage);
    };
    try {
        plugin->process =
            std::make_unique<PluginProcess>(io_, plugin->path, context_.directory, context_.version, std::move(events));
    } catch (const std::system_error& error) {
        remove(plugin);
        context_.log(LogLevel::unusual, "plugin-manager", error.what());
        if (startup) return context_.fatal(error.what());
        return done(error.what());
    }
    context_.log(LogLevel::debug, "plugin-manager",
                 "started(" + std::to_string(plugin->process->pid()) + ") " + plugin->path);
    auto timer = alarm(io_, startup_timeout, [this, weak = std::weak_ptr(plugin), alive = weak_from_this()] {
        if (const auto self = alive.lock(); self && weak.lock()) {
            context_.fatal("Plugin " + weak.lock()->name + " did not answer getmanifest in time");
        }
    });
    const std::string params = json::serialize(json::object{{"allow-deprecated-apis", context_.allow_deprecated}});
    request(plugin, "", "getmanifest", params,
            {"getmanifest",
             [this, weak = std::weak_ptr(plugin), startup, timer, done](const PluginAnswer& answer) {
                 timer->cancel();
                 if (const auto strong = weak.lock()) manifest_came(strong, startup, answer, done);
             },
             {},
             std::nullopt});
}

void PluginHost::manifest_came(const PluginPtr& plugin, bool startup, const PluginAnswer& answer,
                               const std::function<void(std::optional<std::string>)>& done) {
    const auto give_up = [&](LogLevel level, const std::string& why) {
        kill(plugin, level, why);
        done(plugin->path + ": " + why);
    };
    if (answer.died()) {
        remove(plugin);
        return done(plugin->path + ": exited before replying to getmanifest");
    }
    if (!answer.result) return give_up(LogLevel::unusual, "Invalid getmanifest response: " + *answer.error);
    auto read = read_manifest(json::parse(*answer.result));
    if (const std::string* wrong = std::get_if<std::string>(&read)) return give_up(LogLevel::unusual, *wrong);
    plugin->manifest = std::get<Manifest>(std::move(read));
    if (plugin->manifest.disable) return give_up(LogLevel::info, "disabled itself: " + *plugin->manifest.disable);
    if (!startup && !plugin->manifest.dynamic) return give_up(LogLevel::info, "Not a dynamic plugin");
    for (const PluginMethod& method : plugin->manifest.methods) {
        const PluginPtr owner = owner_of(method.name);
        if (context_.is_own_command(method.name) || (owner && owner != plugin)) {
            return give_up(LogLevel::unusual, "Could not register method \"" + method.name +
                                                  "\", a method with that name is already registered");
        }
    }
    for (PluginOption& option : plugin->manifest.options) {
        for (const PluginPtr& other : plugins_) {
            if (other == plugin) continue;
            for (const PluginOption& taken : other->manifest.options) {
                if (taken.name != option.name) continue;
                if (startup) return context_.fatal("duplicate option --" + option.name + " of plugin " + plugin->name);
                return give_up(LogLevel::unusual, "Option \"--" + option.name + "\" already registered");
            }
        }
        const auto given = plugin->start_options.find(option.name);
        if (given != plugin->start_options.end()) {
            option.given = given->second;
            option.source = context_.options.contains(option.name) ? "cmdline" : "pluginstart";
        }
        const auto value = option_value(option);
        if (const std::string* wrong = std::get_if<std::string>(&value)) {
            if (startup) return context_.fatal("--" + *wrong);
            return give_up(LogLevel::unusual, *wrong);
        }
    }
    for (const PluginHook& hook : plugin->manifest.hooks) {
        if (!order_of(hook.name))
            return give_up(LogLevel::unusual, "Cannot meet required hook dependencies of " + hook.name);
    }
    initialise(plugin, startup, done);
}

void PluginHost::initialise(const PluginPtr& plugin, bool startup,
                            const std::function<void(std::optional<std::string>)>& done) {
    json::object options;
    for (const PluginOption& option : plugin->manifest.options) {
        json::value value = std::get<json::value>(option_value(option));
        if (!value.is_null()) options[option.name] = std::move(value);
    }
    const json::object params{{"options", std::move(options)}, {"configuration", context_.configuration(startup)}};
    auto timer = alarm(io_, startup_timeout, [this, weak = std::weak_ptr(plugin), alive = weak_from_this()] {
        if (const auto self = alive.lock(); self && weak.lock()) {
            context_.fatal("Plugin " + weak.lock()->name + " did not answer init in time");
        }
    });
    request(plugin, "", "init", json::serialize(params),
            {"init",
             [this, weak = std::weak_ptr(plugin), timer, done](const PluginAnswer& answer) {
                 timer->cancel();
                 const auto strong = weak.lock();
                 if (!strong) return;
                 if (answer.died()) {
                     remove(strong);
                     return done(strong->path + ": exited before replying to init");
                 }
                 if (!answer.result) {
                     kill(strong, LogLevel::unusual,
                          "Plugin '" + strong->name + "' returned an error on init: " + *answer.error);
                     return done(strong->path + ": init saw an error: " + *answer.error);
                 }
                 const json::value result = json::parse(*answer.result);
                 if (result.is_object() && result.get_object().contains("disable")) {
                     kill(strong, LogLevel::debug,
                          "disabled itself at init: " + json::serialize(result.get_object().at("disable")));
                     const json::value& reason = result.get_object().at("disable");
                     return done(strong->path + ": disabled itself at init: " +
                                 (reason.is_string() ? std::string(reason.get_string()) : json::serialize(reason)));
                 }
                 strong->initialised = true;
                 json::array methods;
                 for (const PluginMethod& method : strong->manifest.methods) methods.emplace_back(method.name);
                 notify("plugin_started", json::object{{"plugin_name", strong->name},
                                                       {"plugin_path", strong->path},
                                                       {"methods", std::move(methods)}});
                 done(std::nullopt);
             },
             {},
             std::nullopt});
}

void PluginHost::check_leftover_options() {
    for (const auto& [name, values] : context_.options) {
        bool known = false;
        for (const PluginPtr& plugin : plugins_) {
            for (const PluginOption& option : plugin->manifest.options) known = known || option.name == name;
        }
        if (!known) return context_.fatal("--" + name + ": unrecognized option");
    }
}

}  // namespace millrace::sim
