// The plugin's side of lightningd's plugin protocol: JSON-RPC over stdin and stdout.
//
//   PluginHost host(executor, STDIN_FILENO, STDOUT_FILENO, manifest, commands, callbacks);
//   host.start();                     // then run the io_context; callbacks.closing says when to end
//
// One thread. HTLCs without a payment_secret are answered right here, unparsed; everything else is handed on. A command's
// id is echoed as it came. Requests to lightningd do not go this way (lightningd takes none on a plugin's stdout) but over
// its RPC socket.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/host/command.hpp"
#include "plugin/host/histogram.hpp"
#include "plugin/host/hook_guard.hpp"
#include "plugin/host/log.hpp"
#include "plugin/host/manifest.hpp"

namespace millrace::host {

// From the bytes of a hook call read to its reply written.
struct HookLatency {
    Histogram all;
    Histogram passed;   // answered without looking into them: forwards, keysend
    Histogram claimed;  // ours
};

// Why the plugin does not run.
struct Unfit {
    enum class Kind {
        // lightningd is told why, unloads the plugin, and lives on. `plugin start` hands the reason to its caller.
        disabled,
        // The operator asked for something that cannot be: the plugin ends before it has answered init. lightningd goes on
        // without a `plugin=`, and ends where it is an `important-plugin=`.
        wrong_option,
    };
    Kind kind = Kind::disabled;
    std::string reason;
};

class PluginHost {
  public:
    struct Callbacks {
        // What keeps the plugin from running.
        std::function<std::optional<Unfit>(const InitMessage&)> init;
        // Changes a dynamic option, or with `only_check` says whether it could: what is wrong with the value, if anything.
        std::function<std::optional<std::string>(std::string_view option, std::string_view value, bool only_check)>
            setconfig;
        // An HTLC with a payment_secret. May throw: the guard answers.
        std::function<void(HookTicket ticket, const boost::json::value& params)> htlc_accepted;
        // A subscribed notification; `payload` is what stands under the topic's name.
        std::function<void(std::string_view topic, const boost::json::value& payload)> notified;
        // lightningd said shutdown, or went away (`gone`): then there is nobody left to answer.
        std::function<void(bool gone)> closing;
        // An option is wrong: the log says so. The program is to end with an exit code that is not 0.
        std::function<void(const std::string& reason)> misconfigured;
    };

    PluginHost(boost::asio::any_io_executor executor, int in, int out, Manifest manifest, std::vector<Command> commands,
               Callbacks callbacks);
    ~PluginHost();
    PluginHost(const PluginHost&) = delete;
    PluginHost& operator=(const PluginHost&) = delete;

    void start();

    [[nodiscard]] const Log& log() const;
    [[nodiscard]] const HookLatency& latency() const;
    [[nodiscard]] std::size_t outstanding_hooks() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::host
