#include "contrib/simulator/node/plugin_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <csignal>
#include <deque>
#include <system_error>
#include <utility>
#include <vector>

#include "contrib/simulator/node/json_stream.hpp"

extern char** environ;

namespace millrace::sim {

namespace asio = boost::asio;

namespace {

struct Pipe {
    int read_end = -1;
    int write_end = -1;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
    return {ends[0], ends[1]};
}

::pid_t spawn(const std::string& path, const std::string& directory, std::string_view version, int input, int output) {
    std::vector<std::string> environment;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        if (!text.starts_with("LIGHTNINGD_")) environment.emplace_back(text);
    }
    environment.emplace_back("LIGHTNINGD_PLUGIN=1");
    environment.push_back("LIGHTNINGD_VERSION=" + std::string(version));
    std::vector<char*> environment_pointers;
    for (std::string& entry : environment) environment_pointers.push_back(entry.data());
    environment_pointers.push_back(nullptr);
    std::string name = path;
    std::array<char*, 2> arguments{name.data(), nullptr};

    ::posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
    ::posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    ::sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::sigset_t defaults;
    ::sigemptyset(&defaults);
    ::sigaddset(&defaults, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes, &defaults);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::pid_t pid = -1;
    const int failed =
        ::posix_spawn(&pid, path.c_str(), &actions, &attributes, arguments.data(), environment_pointers.data());
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (failed != 0) throw std::system_error(failed, std::generic_category(), "cannot start " + path);
    return pid;
}

}  // namespace

struct PluginProcess::State : std::enable_shared_from_this<PluginProcess::State> {
    State(asio::io_context& io, Events event_handlers) : input(io), output(io), events(std::move(event_handlers)) {}

    void read() {
        output.async_read_some(asio::buffer(buffer),
                               [self = shared_from_this()](boost::system::error_code error, std::size_t size) {
                                   if (self->over) return;
                                   if (error) return self->end(false);
                                   self->splitter.feed({self->buffer.data(), size});
                                   while (!self->over) {
                                       std::optional<std::string> message = self->splitter.next();
                                       if (!message) break;
                                       self->events.message(std::move(*message));
                                   }
                                   if (self->over) return;
                                   if (self->splitter.broken()) return self->end(true);
                                   self->read();
                               });
    }

    void write() {
        asio::async_write(input, asio::buffer(queue.front()),
                          [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                              if (self->over || error) return;  // a plugin that closed stdin is seen to end on stdout
                              self->queue.pop_front();
                              if (!self->queue.empty()) self->write();
                          });
    }

    void end(bool garbage) {
        const auto ended = std::exchange(events.ended, nullptr);
        stop();
        if (ended) ended(garbage);
    }

    void stop() {
        if (over) return;
        over = true;
        boost::system::error_code ignored;
        input.close(ignored);
        output.close(ignored);
        if (pid > 0) {
            ::kill(pid, SIGKILL);
            ::waitpid(pid, nullptr, 0);
        }
    }

    asio::posix::stream_descriptor input;   // to the plugin's stdin
    asio::posix::stream_descriptor output;  // from its stdout
    Events events;
    ::pid_t pid = -1;
    std::array<char, 65536> buffer{};
    JsonSplitter splitter;
    std::deque<std::string> queue;
    bool over = false;
};

PluginProcess::PluginProcess(asio::io_context& io, const std::string& path, const std::string& directory,
                             std::string_view version, Events events)
    : state_(std::make_shared<State>(io, std::move(events))) {
    const Pipe to_plugin = make_pipe();
    const Pipe from_plugin = make_pipe();
    state_->input.assign(to_plugin.write_end);
    state_->output.assign(from_plugin.read_end);
    try {
        state_->pid = spawn(path, directory, version, to_plugin.read_end, from_plugin.write_end);
    } catch (...) {
        ::close(to_plugin.read_end);
        ::close(from_plugin.write_end);
        throw;
    }
    ::close(to_plugin.read_end);
    ::close(from_plugin.write_end);
    state_->read();
}

PluginProcess::~PluginProcess() {
    state_->events = {};
    state_->stop();
}

void PluginProcess::write(std::string text) {
    if (state_->over) return;
    text += "\n\n";
    state_->queue.push_back(std::move(text));
    if (state_->queue.size() == 1) state_->write();
}

void PluginProcess::kill() {
    state_->events.ended = nullptr;
    state_->stop();
}

int PluginProcess::pid() const {
    return state_->pid;
}

}  // namespace millrace::sim
