#include "contrib/simulator/node/plugin_host.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "contrib/simulator/node/json_stream.hpp"

namespace millrace::sim {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::chrono::seconds shutdown_timeout{30};

bool subscribes(const Plugin& plugin, std::string_view topic) {
    for (const std::string& wanted : plugin.manifest.subscriptions) {
        if (wanted == topic || (wanted == "*" && topic != "log")) return true;
    }
    return false;
}

}  // namespace

PluginHost::PluginHost(asio::io_context& io, HostContext context) : io_(io), context_(std::move(context)) {}

PluginHost::~PluginHost() = default;

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

void PluginHost::request(const PluginPtr& plugin, std::string_view id_prefix, const std::string& method,
                         std::string_view raw_params, Plugin::Pending pending, std::string_view raw_filter) {
    // "<caller's id>/cln:<method>#<n>", always a string (lightningd-rpc.7, JSON IDS).
    std::string caller(id_prefix);
    if (caller.size() >= 2 && caller.front() == '"') caller = caller.substr(1, caller.size() - 2);
    std::string id = "\"";
    if (!caller.empty()) id += caller + "/";
    id += "cln:" + method + "#" + std::to_string(next_id_++) + "\"";
    std::string text =
        R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":)" + json::serialize(json::string(method)) + R"(,"params":)";
    text += raw_params;
    if (!raw_filter.empty()) text += ",\"filter\":" + std::string(raw_filter);
    text += "}";
    plugin->pending.emplace(id, std::move(pending));
    plugin->process->write(std::move(text));
}

void PluginHost::call(const PluginPtr& plugin, const std::string& method, std::string_view raw_params,
                      const Reply& caller, const std::shared_ptr<RpcSession>& session, OnAnswer answered,
                      std::string_view raw_filter) {
    request(plugin, caller.raw_id(), method, raw_params, {method, std::move(answered), session, caller}, raw_filter);
}

void PluginHost::notify(std::string_view topic, const json::value& payload) {
    std::string text;
    for (const PluginPtr& plugin : plugins_) {
        if (!plugin->initialised || plugin->stopping || !subscribes(*plugin, topic)) continue;
        if (text.empty()) {
            text = R"({"jsonrpc":"2.0","method":")" + std::string(topic) + R"(","params":{")" + std::string(topic) +
                   "\":" + json::serialize(payload) + "}}";
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
    auto deliver = [alive = weak_from_this(), weak = std::weak_ptr(plugin), key = std::string(*id),
                    answer = std::move(answer)] {
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
            return kill(plugin, LogLevel::unusual,
                        "Log notification from plugin doesn't have a string \"message\" field");
        }
        std::optional<LogLevel> level = LogLevel::info;
        if (level_field != nullptr) {
            level =
                level_field->is_string() ? parse_log_level(std::string_view(level_field->get_string())) : std::nullopt;
        }
        if (!level) {
            return kill(plugin, LogLevel::unusual,
                        "Unknown log-level " + json::serialize(*level_field) +
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
        session->send(
            json::serialize(json::object{{"jsonrpc", "2.0"}, {"method", topic}, {"params", std::move(copy)}}) + "\n\n");
        session->block_on(*found->second.caller);
        return;
    }
    const auto& topics = plugin->manifest.topics;
    if (std::find(topics.begin(), topics.end(), topic) == topics.end()) {
        context_.log(LogLevel::unusual, "plugin-manager",
                     "Plugin attempted to send a notification to topic \"" + std::string(topic) +
                         "\" it hasn't declared in its manifest, not forwarding to subscribers.");
        return;
    }
    const std::string out =
        json::serialize(json::object{{"jsonrpc", "2.0"},
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
        notify("plugin_stopped",
               json::object{
                   {"plugin_name", plugin->name}, {"plugin_path", plugin->path}, {"methods", std::move(methods)}});
    }
    if (plugin->important && !ending_)
        context_.fatal("Plugin " + plugin->name + " is important and has exited: shutting down lightningd");
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
        if (std::find(plugins_.begin(), plugins_.end(), asked) == plugins_.end())
            return next_in_chain(call, order, at + 1);
        request(asked, "", call->hook, json::serialize(call->params()),
                {call->hook,
                 [this, call, order, at](const PluginAnswer& answer) { hook_answered(call, order, at, answer); },
                 {},
                 std::nullopt});
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
        return context_.fatal("Plugin " + name + " for " + call->hook + " returned non-result response " +
                              *answer.error);
    } else if (!call->answer(json::parse(*answer.result))) {
        return;
    }
    next_in_chain(call, std::move(order), at + 1);
}

}  // namespace millrace::sim
