// A node's plugins: start (getmanifest, init), stop, requests to them, the notifications they subscribed to, and the
// chains of hooks, as lightningd/plugin.c and plugin_hook.c behave.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "contrib/simulator/node/manifest.hpp"
#include "contrib/simulator/node/node_log.hpp"
#include "contrib/simulator/node/plugin_process.hpp"
#include "contrib/simulator/node/reply.hpp"
#include "contrib/simulator/node/rpc_server.hpp"

namespace millrace::sim {

// What a plugin answered, as text; all empty where it died first.
struct PluginAnswer {
    std::optional<std::string> result;
    std::optional<std::string> error;
    [[nodiscard]] bool died() const { return !result && !error; }
};
using OnAnswer = std::function<void(const PluginAnswer&)>;

struct Plugin {
    std::string path;
    std::string name;  // the path's last part
    Manifest manifest;
    bool initialised = false;
    bool important = false;
    bool stopping = false;
    std::unique_ptr<PluginProcess> process;
    struct Pending {
        std::string method;
        OnAnswer answered;
        std::weak_ptr<RpcSession> session;  // the caller's, for message and progress
        std::optional<Reply> caller;
    };
    std::map<std::string, Pending> pending;  // by raw id
    std::map<std::string, std::vector<std::string>> start_options;
};
using PluginPtr = std::shared_ptr<Plugin>;

// What the host needs from its node.
struct HostContext {
    std::function<void(LogLevel, std::string_view source, std::string_view text)> log;
    // lightningd would have aborted; does not return normally to the plugin that caused it.
    std::function<void(const std::string& why)> fatal;
    // `startup`: not a later `plugin start`.
    std::function<boost::json::object(bool startup)> configuration;
    std::function<bool(std::string_view method)> is_own_command;
    // Before an input from a plugin is handled: brings the node's clock up to date.
    std::function<void()> wake;
    // True: `resume` is kept for later (sim-hold).
    std::function<bool(std::string_view point, std::string_view method, std::string_view plugin,
                       std::function<void()> resume)>
        hold;
    // Configured values of options by name, for plugins that start with the node.
    std::map<std::string, std::vector<std::string>> options;
    std::string directory;
    std::string version;
    bool allow_deprecated = false;
};

struct HookCall {
    std::string hook;
    std::function<boost::json::object()> params;  // made anew for each plugin
    // A plugin's result; true: on to the next plugin.
    std::function<bool(const boost::json::value& result)> answer;
    std::function<void()> done;  // every plugin was asked and none ended the chain
};

class PluginHost : public std::enable_shared_from_this<PluginHost> {
  public:
    PluginHost(boost::asio::io_context& io, HostContext context);
    ~PluginHost();

    // Starts all; `ready` is called when every one of them has answered init or was given up.
    void start_all(const std::vector<std::string>& paths, const std::vector<std::string>& important,
                   std::function<void()> ready);
    // `plugin start`: `done` gets what went wrong, if anything did.
    void start(const std::string& path, std::map<std::string, std::vector<std::string>> options,
               std::function<void(std::optional<std::string>)> done);
    // `plugin stop` by name or path: `done` gets the error's message, if it is one.
    void stop(const std::string& name, std::function<void(std::optional<std::string>)> done);
    // The node ends: shutdown to those who subscribed, SIGKILL to the rest; `done` when all are gone (30 s at most).
    void shut_down(std::function<void()> done);
    // SIGKILL to all.
    void kill_all();

    [[nodiscard]] const std::vector<PluginPtr>& plugins() const { return plugins_; }
    [[nodiscard]] PluginPtr find(std::string_view name) const;
    [[nodiscard]] PluginPtr owner_of(std::string_view method) const;

    // Forwards a command, its params as sent, and its `filter`, if any: a plugin filters by itself.
    void call(const PluginPtr& plugin, const std::string& method, std::string_view raw_params, const Reply& caller,
              const std::shared_ptr<RpcSession>& session, OnAnswer answered, std::string_view raw_filter = {});
    void notify(std::string_view topic, const boost::json::value& payload);
    void call_hook(HookCall call);

  private:
    struct Start;
    void spawn(const PluginPtr& plugin, bool startup, std::function<void(std::optional<std::string>)> done);
    void manifest_came(const PluginPtr& plugin, bool startup, const PluginAnswer& answer,
                       const std::function<void(std::optional<std::string>)>& done);
    void initialise(const PluginPtr& plugin, bool startup, const std::function<void(std::optional<std::string>)>& done);
    void check_leftover_options();
    void on_message(const PluginPtr& plugin, std::string message);
    void on_notification(const PluginPtr& plugin, std::string_view text);
    void on_ended(const PluginPtr& plugin, bool garbage);
    void request(const PluginPtr& plugin, std::string_view id_prefix, const std::string& method,
                 std::string_view raw_params, Plugin::Pending pending, std::string_view raw_filter = {});
    void kill(const PluginPtr& plugin, LogLevel level, const std::string& why);
    void remove(const PluginPtr& plugin);
    void next_in_chain(const std::shared_ptr<HookCall>& call, std::vector<PluginPtr> order, std::size_t at);
    void hook_answered(const std::shared_ptr<HookCall>& call, std::vector<PluginPtr> order, std::size_t at,
                       const PluginAnswer& answer);
    [[nodiscard]] std::optional<std::vector<PluginPtr>> order_of(std::string_view hook) const;

    boost::asio::io_context& io_;
    HostContext context_;
    std::vector<PluginPtr> plugins_;
    std::uint64_t next_id_ = 1;
    bool ending_ = false;
    std::function<void()> all_gone_;
};

}  // namespace millrace::sim
