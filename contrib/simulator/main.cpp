// millrace-sim: a simulated Lightning network whose nodes can be talked to like lightningd.
#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "contrib/simulator/node/world.hpp"

namespace {

using millrace::sim::NodeSpec;
using millrace::sim::Topology;

NodeSpec* find(Topology& topology, const std::string& name) {
    for (NodeSpec& node : topology.nodes) {
        if (node.name == name) return &node;
    }
    return nullptr;
}

// "NODE=PATH". Answers what is wrong, or nothing.
std::string add_plugin(Topology& topology, const std::string& text) {
    const std::size_t split = text.find('=');
    if (split == std::string::npos) return "--plugin " + text + ": must be NODE=PATH";
    NodeSpec* node = find(topology, text.substr(0, split));
    if (node == nullptr) return "--plugin " + text + ": there is no such node";
    node->plugins.push_back(std::filesystem::absolute(text.substr(split + 1)).lexically_normal().string());
    return {};
}

// "NODE:KEY=VALUE".
std::string add_option(Topology& topology, const std::string& text) {
    const std::size_t colon = text.find(':');
    const std::size_t equals = text.find('=', colon == std::string::npos ? 0 : colon);
    if (colon == std::string::npos || equals == std::string::npos)
        return "--option " + text + ": must be NODE:KEY=VALUE";
    NodeSpec* node = find(topology, text.substr(0, colon));
    if (node == nullptr) return "--option " + text + ": there is no such node";
    node->options[text.substr(colon + 1, equals - colon - 1)].push_back(text.substr(equals + 1));
    return {};
}

int refuse(const std::string& why) {
    std::fprintf(stderr, "millrace-sim: %s\n", why.c_str());
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(
        "A simulated Lightning network: one lightning-rpc socket a node, unmodified plugins, HTLCs in virtual time.",
        "millrace-sim");
    std::string topology_path;
    std::string directory;
    std::optional<std::uint64_t> seed;
    double speed = 1;
    std::vector<std::string> plugins;
    std::vector<std::string> options;
    app.add_option("--topology", topology_path, "network to simulate: TOML, JSON, or sim-ln's sim_network")->required();
    app.add_option("--dir", directory, "folder for the nodes' folders, logs and sockets")->required();
    app.add_option("--seed", seed, "overrides the topology's seed: node keys, latencies");
    app.add_option("--speed", speed, "virtual seconds a second")->check(CLI::PositiveNumber);
    app.add_option("--plugin", plugins, "NODE=PATH: a plugin for a node (repeatable)");
    app.add_option("--option", options, "NODE:KEY=VALUE: an option of a node or of its plugins (repeatable)");
    app.set_version_flag("--version", std::string("millrace-sim ") + MILLRACE_VERSION);
    CLI11_PARSE(app, argc, argv);

    auto topology = millrace::sim::load_topology(topology_path);
    if (!topology) return refuse(topology.error().message);
    if (seed) topology->seed = *seed;
    for (const std::string& text : plugins) {
        if (const std::string wrong = add_plugin(*topology, text); !wrong.empty()) return refuse(wrong);
    }
    for (const std::string& text : options) {
        if (const std::string wrong = add_option(*topology, text); !wrong.empty()) return refuse(wrong);
    }
    ::signal(SIGPIPE, SIG_IGN);
    try {
        boost::asio::io_context io(1);
        const millrace::sim::WorldConfig config{
            std::filesystem::absolute(directory).lexically_normal().string(), topology->seed, speed,
            std::chrono::time_point_cast<millrace::sim::Duration>(std::chrono::system_clock::now())};
        std::filesystem::create_directories(config.directory);
        auto world = millrace::sim::World::create(io, *topology, config);
        if (!world) return refuse(world.error().message);
        boost::asio::signal_set signals(io, SIGTERM, SIGINT);
        signals.async_wait([&](boost::system::error_code error, int) {
            if (!error) (*world)->stop();
        });
        (*world)->start([&] {
            const boost::json::object line{{"ready", true}, {"nodes", (*world)->nodes_json()}};
            std::cout << boost::json::serialize(line) << std::endl;
        });
        return (*world)->run();
    } catch (const std::exception& error) {
        return refuse(error.what());
    }
}
