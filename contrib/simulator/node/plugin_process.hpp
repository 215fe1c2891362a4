// A plugin's process: started as lightningd starts it, with pipes on stdin and stdout, read in whole JSON messages.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace millrace::sim {

class PluginProcess {
  public:
    struct Events {
        std::function<void(std::string message)> message;
        // The pipe ended or something that is not JSON came through it; called once, and nothing after it.
        std::function<void(bool garbage)> ended;
    };

    // argv is [path]; LIGHTNINGD_PLUGIN=1 and LIGHTNINGD_VERSION are set; the working directory is `directory`; stderr
    // is ours. Throws std::system_error where it cannot be started.
    PluginProcess(boost::asio::io_context& io, const std::string& path, const std::string& directory,
                  std::string_view version, Events events);
    // Kills it where it still runs.
    ~PluginProcess();
    PluginProcess(const PluginProcess&) = delete;
    PluginProcess& operator=(const PluginProcess&) = delete;

    // Queues `text` and the two newlines that end each of lightningd's messages.
    void write(std::string text);
    // SIGKILL; ended() is not called.
    void kill();
    [[nodiscard]] int pid() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace millrace::sim
