#include "contrib/simulator/node/plugin_host.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <system_error>
#include <utility>

#include "contrib/simulator/node/json_stream.hpp"

namespace millrace::sim {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::chrono::seconds startup_timeout{120};  // PLUGIN_STARTUP_TIMEOUT, for each of getmanifest and init
constexpr std::chrono::seconds shutdown_timeout{30};

bool subscribes(const Plugin& plugin, std::string_view topic) {
    for (const std::string& wanted : plugin.manifest.subscriptions) {
        if (wanted == topic || (wanted == "*" && topic != "log")) return true;
    }
    return false;
}

std::string base_name(const std::string& path) { return std::filesystem::path(path).filename().string(); }

// Calls `late` after `time`, unless the returned timer is dropped.
std::shared_ptr<asio::steady_timer> alarm(asio::io_context& io, std::chrono::seconds time, std::function<void()> late) {
    auto timer = std::make_shared<asio::steady_timer>(io, time);
    timer->async_wait([late = std::move(late)](boost::system::error_code error) {
        if (!error) late();
    });
    return timer;
}

}  // namespace

PluginHost::PluginHost(asio::io_context& io, HostContext context) : io_(io), context_(std::move(context)) {}

PluginHost::~PluginHost() = default;

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
        plugin->process = std::make_unique<PluginProcess>(io_, plugin->path, context_.directory, context_.version, std::move(events));
    } catch (const std::system_error& error) {
        remove(plugin);
        context_.log(LogLevel::unusual, "plugin-manager", error.what());
        if (startup) return context_.fatal(error.what());
        return done(error.what());
    }
    context_.log(LogLevel::debug, "plugin-manager", "started(" + std::to_string(plugin->process->pid()) + ") " + plugin->path);
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
            return give_up(LogLevel::unusual, "Could not register method \"" + method.name + "\", a method with that name is already registered");
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
        if (!order_of(hook.name)) return give_up(LogLevel::unusual, "Cannot meet required hook dependencies of " + hook.name);
    }
    initialise(plugin, startup, done);
}

void PluginHost::initialise(const PluginPtr& plugin, bool startup, const std::function<void(std::optional<std::string>)>& done) {
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
                     kill(strong, LogLevel::unusual, "Plugin '" + strong->name + "' returned an error on init: " + *answer.error);
                     return done(strong->path + ": init saw an error: " + *answer.error);
                 }
                 const json::value result = json::parse(*answer.result);
                 if (result.is_object() && result.get_object().contains("disable")) {
                     kill(strong, LogLevel::debug, "disabled itself at init: " + json::serialize(result.get_object().at("disable")));
                     return done(strong->path + ": disabled itself at init");
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

void PluginHost::stop(const std::string& name, std::function<void(std::optional<std::string>)> done) {
    const PluginPtr plugin = find(name);
    if (!plugin) return done("Could not find plugin " + name);
    if (!plugin->manifest.dynamic) return done(plugin->name + " cannot be managed when lightningd is up");
    plugin->stopping = true;
    const auto finish = [this, plugin, done, self = shared_from_this()] {
        kill(plugin, LogLevel::debug, "killed by plugin stop");
        done(std::nullopt);
    };
    if (!subscribes(*plugin, "shutdown")) return finish();
    plugin->process->write(R"({"jsonrpc":"2.0","method":"shutdown","params":{"shutdown":{}}})");
    // on_ended() removes it; until then it may still answer.
    auto timer = std::make_shared<asio::steady_timer>(io_, std::chrono::milliseconds(10));
    auto deadline = std::chrono::steady_clock::now() + shutdown_timeout;
    auto poll = std::make_shared<std::function<void()>>();
    *poll = [this, timer, deadline, plugin, finish, done, weak = std::weak_ptr(poll), self = shared_from_this()] {
        if (std::find(plugins_.begin(), plugins_.end(), plugin) == plugins_.end()) return done(std::nullopt);
        if (std::chrono::steady_clock::now() >= deadline) return finish();
        timer->expires_after(std::chrono::milliseconds(10));
        timer->async_wait([again = weak.lock()](boost::system::error_code) { (*again)(); });
    };
    (*poll)();
}

void PluginHost::shut_down(std::function<void()> done) {
    ending_ = true;
    all_gone_ = std::move(done);
    const std::vector<PluginPtr> all = plugins_;
    for (const PluginPtr& plugin : all) {
        plugin->stopping = true;
        if (plugin->initialised && subscribes(*plugin, "shutdown")) {
            plugin->process->write(R"({"jsonrpc":"2.0","method":"shutdown","params":{"shutdown":{}}})");
        } else {
            kill(plugin, LogLevel::debug, "killed at shutdown");
        }
    }
    if (plugins_.empty()) {
        if (auto gone = std::exchange(all_gone_, nullptr)) asio::post(io_, std::move(gone));
        return;
    }
    auto timer = std::make_shared<asio::steady_timer>(io_, shutdown_timeout);
    timer->async_wait([this, timer, alive = weak_from_this()](boost::system::error_code) {
        if (const auto self = alive.lock()) kill_all();
    });
}

void PluginHost::kill_all() {
    const std::vector<PluginPtr> all = std::exchange(plugins_, {});
    for (const PluginPtr& plugin : all) {
        plugin->process.reset();
        plugin->pending.clear();
    }
    if (auto gone = std::exchange(all_gone_, nullptr)) asio::post(io_, std::move(gone));
}

PluginPtr PluginHost::find(std::string_view name) const {
    for (const PluginPtr& plugin : plugins_) {
        if (plugin->path == name || plugin->name == name) return plugin;
    }
    return nullptr;
}

PluginPtr PluginHost::owner_of(std::string_view method) const {
    for (const PluginPtr& plugin : plugins_) {
        for (const PluginMethod& offered : plugin->manifest.methods) {
            if (offered.name == method) return plugin;
        }
    }
    return nullptr;
}

void PluginHost::request(const PluginPtr& plugin, std::string_view id_prefix, const std::string& method, std::string_view raw_params,
                         Plugin::Pending pending) {
    // "<caller's id>/cln:<method>#<n>", always a string (lightningd-rpc.7, JSON IDS).
    std::string caller(id_prefix);
    if (caller.size() >= 2 && caller.front() == '"') caller = caller.substr(1, caller.size() - 2);
    std::string id = "\"";
    if (!caller.empty()) id += caller + "/";
    id += "cln:" + method + "#" + std::to_string(next_id_++) + "\"";
    std::string text = R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":)" + json::serialize(json::string(method)) + R"(,"params":)";
    text += raw_params;
    text += "}";
    plugin->pending.emplace(id, std::move(pending));
    plugin->process->write(std::move(text));
}

void PluginHost::call(const PluginPtr& plugin, const std::string& method, std::string_view raw_params, const Reply& caller,
                      const std::shared_ptr<RpcSession>& session, OnAnswer answered) {
    request(plugin, caller.raw_id(), method, raw_params, {method, std::move(answered), session, caller});
}

void PluginHost::notify(std::string_view topic, const json::value& payload) {
    std::string text;
    for (const PluginPtr& plugin : plugins_) {
        if (!plugin->initialised || plugin->stopping || !subscribes(*plugin, topic)) continue;
        if (text.empty()) {
            text = R"({"jsonrpc":"2.0","method":")" + std::string(topic) + R"(","params":{")" + std::string(topic) + "\":" +
                   json::serialize(payload) + "}}";
        }
        plugin->process->write(text);
    }
}

void PluginHost::on_message(const PluginPtr& plugin, std::string message) {
    context_.wake();
    boost::system::error_code error;
    static_cast<void>(json::parse(message, error));
    if (error) return kill(plugin, LogLevel::unusual, "Failed to parse RPC JSON response: " + error.message());
    if (!raw_member(message, "jsonrpc")) {
        return kill(plugin, LogLevel::unusual, "JSON-RPC message does not contain \"jsonrpc\" field");
    }
    const auto id = raw_member(message, "id");
    if (!id) return on_notification(plugin, message);
    const auto found = plugin->pending.find(std::string(*id));
    if (found == plugin->pending.end()) return;  // lightningd drops answers that nobody waits for
    PluginAnswer answer;
    if (const auto result = raw_member(message, "result")) answer.result = std::string(*result);
    if (const auto failed = raw_member(message, "error")) answer.error = std::string(*failed);
    if (answer.died()) {
        return kill(plugin, LogLevel::unusual, "JSON-RPC message does not contain either \"result\" or \"error\"");
    }
    // Kept alive while held; a node that crashes meanwhile drops it.
    auto deliver = [alive = weak_from_this(), weak = std::weak_ptr(plugin), key = std::string(*id), answer = std::move(answer)] {
        const auto self = alive.lock();
        const auto strong = weak.lock();
        if (!self || !strong) return;
        const auto waiting = strong->pending.find(key);
        if (waiting == strong->pending.end()) return;
        const Plugin::Pending pending = std::move(waiting->second);
        strong->pending.erase(waiting);
        pending.answered(answer);
    };
    if (!context_.hold("plugin-reply", found->second.method, plugin->name, deliver)) deliver();
}

void PluginHost::on_notification(const PluginPtr& plugin, std::string_view text) {
    const json::value message = json::parse(text);
    const json::object& object = message.as_object();
    const json::value* method = object.if_contains("method");
    if (method == nullptr || !method->is_string()) {
        return kill(plugin, LogLevel::unusual, "JSON-RPC notification does not have a \"method\" field");
    }
    const json::value* params = object.if_contains("params");
    const std::string_view topic = method->get_string();
    const json::object* fields = params != nullptr ? params->if_object() : nullptr;
    const auto field = [fields](std::string_view name) -> const json::value* {
        return fields == nullptr ? nullptr : fields->if_contains(name);
    };
    if (topic == "log") {
        const json::value* text_field = field("message");
        const json::value* level_field = field("level");
        if (text_field == nullptr || !text_field->is_string()) {
            return kill(plugin, LogLevel::unusual, "Log notification from plugin doesn't have a string \"message\" field");
        }
        std::optional<LogLevel> level = LogLevel::info;
        if (level_field != nullptr) {
            level = level_field->is_string() ? parse_log_level(std::string_view(level_field->get_string())) : std::nullopt;
        }
        if (!level) {
            return kill(plugin, LogLevel::unusual, "Unknown log-level " + json::serialize(*level_field) +
                                                       ", valid values are \"trace\", \"debug\", \"info\", \"warn\", or \"error\".");
        }
        context_.log(*level, "plugin-" + plugin->name, std::string_view(text_field->get_string()));
        if (*level >= LogLevel::unusual) {
            notify("warning", json::object{{"level", *level == LogLevel::unusual ? "warn" : "error"},
                                           {"source", "plugin-" + plugin->name},
                                           {"log", text_field->get_string()}});
        }
        return;
    }
    if (topic == "message" || topic == "progress") {
        const json::value* id = field("id");
        if (id == nullptr) return;
        const auto found = plugin->pending.find(json::serialize(*id));
        if (found == plugin->pending.end() || !found->second.caller) return;
        const auto session = found->second.session.lock();
        if (!session || !session->notifications) return;
        json::object copy = *fields;
        boost::system::error_code ignored;
        copy["id"] = json::parse(found->second.caller->raw_id(), ignored);
        session->send(json::serialize(json::object{{"jsonrpc", "2.0"}, {"method", topic}, {"params", std::move(copy)}}) + "\n\n");
        session->block_on(*found->second.caller);
        return;
    }
    const auto& topics = plugin->manifest.topics;
    if (std::find(topics.begin(), topics.end(), topic) == topics.end()) {
        context_.log(LogLevel::unusual, "plugin-manager",
                     "Plugin attempted to send a notification to topic \"" + std::string(topic) + "\" it hasn't declared in its manifest, not forwarding to subscribers.");
        return;
    }
    const std::string out = json::serialize(json::object{{"jsonrpc", "2.0"},
                                                         {"method", topic},
                                                         {"origin", plugin->name},
                                                         {"params", params == nullptr ? json::value(json::object{}) : *params}});
    for (const PluginPtr& other : plugins_) {
        if (other->initialised && subscribes(*other, topic)) other->process->write(out);
    }
}

void PluginHost::on_ended(const PluginPtr& plugin, bool garbage) {
    context_.wake();
    if (garbage) return kill(plugin, LogLevel::unusual, "Failed to parse RPC JSON response: not JSON");
    const bool expected = plugin->stopping || ending_;
    context_.log(expected ? LogLevel::debug : LogLevel::info, "plugin-" + plugin->name,
                 expected ? "exited" : "Killing plugin: exited during normal operation");
    remove(plugin);
}

void PluginHost::kill(const PluginPtr& plugin, LogLevel level, const std::string& why) {
    context_.log(level, "plugin-" + plugin->name, "Killing plugin: " + why);
    remove(plugin);
}

void PluginHost::remove(const PluginPtr& plugin) {
    const auto found = std::find(plugins_.begin(), plugins_.end(), plugin);
    if (found == plugins_.end()) return;
    plugins_.erase(found);
    // Its process object may be on the stack below us (a message it sent led here): destroy it later.
    if (plugin->process) {
        plugin->process->kill();
        asio::post(io_, [plugin] { plugin->process.reset(); });
    }
    const auto pending = std::exchange(plugin->pending, {});
    for (const auto& [id, waiting] : pending) waiting.answered({});
    if (plugin->initialised) {
        json::array methods;
        for (const PluginMethod& method : plugin->manifest.methods) methods.emplace_back(method.name);
        notify("plugin_stopped", json::object{{"plugin_name", plugin->name}, {"plugin_path", plugin->path}, {"methods", std::move(methods)}});
    }
    if (plugin->important && !ending_) context_.fatal("Plugin " + plugin->name + " is important and has exited: shutting down lightningd");
    if (ending_ && plugins_.empty()) {
        if (auto gone = std::exchange(all_gone_, nullptr)) asio::post(io_, std::move(gone));
    }
}

std::optional<std::vector<PluginPtr>> PluginHost::order_of(std::string_view hook) const {
    // Plugins in load order; each step takes the first whose predecessors are all placed.
    std::vector<std::pair<PluginPtr, const PluginHook*>> left;
    for (const PluginPtr& plugin : plugins_) {
        for (const PluginHook& wanted : plugin->manifest.hooks) {
            if (wanted.name == hook) left.emplace_back(plugin, &wanted);
        }
    }
    const auto names = [](const std::vector<std::string>& list, const Plugin& plugin) {
        return std::find(list.begin(), list.end(), plugin.name) != list.end() ||
               std::find(list.begin(), list.end(), plugin.path) != list.end();
    };
    std::vector<PluginPtr> out;
    while (!left.empty()) {
        const auto free = std::find_if(left.begin(), left.end(), [&](const auto& candidate) {
            return std::none_of(left.begin(), left.end(), [&](const auto& other) {
                return other.first != candidate.first &&
                       (names(other.second->before, *candidate.first) || names(candidate.second->after, *other.first));
            });
        });
        if (free == left.end()) return std::nullopt;
        out.push_back(free->first);
        left.erase(free);
    }
    return out;
}

void PluginHost::call_hook(HookCall call) {
    auto shared = std::make_shared<HookCall>(std::move(call));
    std::vector<PluginPtr> order;
    for (PluginPtr& plugin : order_of(shared->hook).value_or(std::vector<PluginPtr>{})) {
        if (plugin->initialised) order.push_back(std::move(plugin));
    }
    next_in_chain(shared, std::move(order), 0);
}

void PluginHost::next_in_chain(const std::shared_ptr<HookCall>& call, std::vector<PluginPtr> order, std::size_t at) {
    while (at < order.size() && std::find(plugins_.begin(), plugins_.end(), order[at]) == plugins_.end()) ++at;
    if (at >= order.size()) return call->done();
    const PluginPtr plugin = order[at];
    auto ask = [this, alive = weak_from_this(), call, order = std::move(order), at] {
        const auto self = alive.lock();
        if (!self) return;
        const PluginPtr asked = order[at];
        if (std::find(plugins_.begin(), plugins_.end(), asked) == plugins_.end()) return next_in_chain(call, order, at + 1);
        request(asked, "", call->hook, json::serialize(call->params()),
                {call->hook, [this, call, order, at](const PluginAnswer& answer) { hook_answered(call, order, at, answer); }, {}, std::nullopt});
    };
    if (!context_.hold("hook-call", call->hook, plugin->name, ask)) ask();
}

void PluginHost::hook_answered(const std::shared_ptr<HookCall>& call, std::vector<PluginPtr> order, std::size_t at,
                               const PluginAnswer& answer) {
    if (ending_) return;
    const std::string& name = order[at]->name;
    if (answer.died()) {
        context_.log(LogLevel::debug, "plugin-manager", "Plugin died from " + call->hook + " hook call");
    } else if (!answer.result) {
        return context_.fatal("Plugin " + name + " for " + call->hook + " returned non-result response " + *answer.error);
    } else if (!call->answer(json::parse(*answer.result))) {
        return;
    }
    next_in_chain(call, std::move(order), at + 1);
}

}  // namespace millrace::sim
