// The plugin's log: lightningd's own, under "plugin-millrace". warn and error also raise lightningd's `warning` notification.
// A level that lightningd does not know would kill the plugin, hence the four functions and no other way.
#pragma once

#include <functional>
#include <string_view>

namespace millrace::host {

class Log {
  public:
    // `send` takes one of "debug", "info", "warn", "error" and a text without secrets.
    using Send = std::function<void(std::string_view level, std::string_view text)>;

    explicit Log(Send send) : send_(std::move(send)) {}

    void debug(std::string_view text) const { send_("debug", text); }
    void info(std::string_view text) const { send_("info", text); }
    void warn(std::string_view text) const { send_("warn", text); }
    void error(std::string_view text) const { send_("error", text); }

  private:
    Send send_;
};

}  // namespace millrace::host
