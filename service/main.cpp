// millraced: the HTTP paywall.
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "service/config/warnings.hpp"
#include "service/log/log.hpp"
#include "service/runtime/app.hpp"
#include "service/runtime/stored_services.hpp"

namespace {

// Connections are file descriptors; the usual soft limit of 1024 is a fraction of what is allowed.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App command(
        "millraced sells HTTP resources for Lightning payments: an L402 paywall in front of any HTTP server.",
        "millraced");
    std::string file;
    bool check = false;
    command.add_option("--config", file, "configuration file (TOML)")->required()->type_name("FILE");
    command.add_flag("--check-config", check, "check the configuration, say what is wrong with it, and end");
    std::string removed;
    command
        .add_option("--remove-service", removed,
                    "take a service of the admin API out of the store, print its definition, and end")
        ->type_name("NAME")
        ->excludes("--check-config");
    command.set_version_flag("--version", "millraced " MILLRACE_VERSION);
    CLI11_PARSE(command, argc, argv);

    millrace::config::Environment environment = [](const std::string& name) {
        const char* value = std::getenv(name.c_str());
        return value ? std::optional<std::string>(value) : std::nullopt;
    };
    auto config = millrace::runtime::load_checked(file, environment);
    if (!config) {
        std::fprintf(stderr, "%s\n", config.error().message.c_str());
        return 1;
    }
    if (!removed.empty()) {
        auto definition = millrace::runtime::remove_stored(*config, removed);
        std::fprintf(definition ? stdout : stderr, "%s\n",
                     definition ? definition->c_str() : definition.error().message.c_str());
        return definition ? 0 : 1;
    }
    if (check) {
        auto stored = millrace::runtime::check_stored(*config, file, environment);
        if (!stored) {
            std::fprintf(stderr, "%s\n", stored.error().message.c_str());
            return 1;
        }
        for (const std::string& warning : millrace::config::warnings(*config))
            std::fprintf(stderr, "%s: warning: %s\n", file.c_str(), warning.c_str());
        std::printf("%s: good, %zu services\n", file.c_str(), config->services.size());
        if (*stored > 0) std::printf("%s: good, %zu stored services\n", config->store.c_str(), *stored);
        return 0;
    }

    millrace::log::open();
    millrace::log::set_level(config->log_level);
    raise_descriptor_limit();
    std::signal(SIGPIPE, SIG_IGN);  // a log that nobody reads any more must not end the service

    auto passed = millrace::listen::activated_sockets(environment, getpid());
    if (!passed) {
        millrace::log::critical("{}", passed.error().message);
        return 1;
    }
    millrace::runtime::App app(file, std::move(*config), environment);
    if (auto started = app.start(std::move(*passed)); !started) {
        millrace::log::critical("{}", started.error().message);
        return 1;
    }
    app.run();
    return 0;
}
