// The whole simulation while it runs in front of sockets: the network, its nodes, the pace of time, and the sim-*
// commands.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "contrib/simulator/engine/pacer.hpp"
#include "contrib/simulator/node/daemon.hpp"
#include "contrib/simulator/topology/topology.hpp"

namespace millrace::sim {

struct WorldConfig {
    std::string directory;  // absolute; DIR of the command line
    std::uint64_t seed = 1;
    double speed = 1;  // virtual seconds a second, more than 0
    Time start;        // what the nodes' clocks show at first
};

class World {
  public:
    // Errors as a sentence: a channel that cannot be, a socket path that is too long.
    [[nodiscard]] static Result<std::unique_ptr<World>> create(boost::asio::io_context& io, const Topology& topology,
                                                               WorldConfig config);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    // Starts every node; `ready` when all are up.
    void start(std::function<void()> ready);
    // Runs until stop(); answers the exit status.
    int run();
    // Ends every node as lightningd ends: plugins are told, and have 30 s.
    void stop();

    // {"<name>":{"id":…,"rpc":…}}
    [[nodiscard]] boost::json::object nodes_json() const;

  private:
    struct Node {
        NodeSetup setup;
        NodeState state;
        NodeIndex index = 0;
        std::unique_ptr<Daemon> daemon;
        bool up = false;
    };
    struct ControlCommand;
    World(boost::asio::io_context& io, WorldConfig config);
    [[nodiscard]] std::string build(const Topology& topology);
    void wake();
    [[noreturn]] void die(const std::string& why);
    void start_node(Node& node, std::function<void()> ready);
    void crash_node(Node& node);
    Node* find(const std::string& name);
    bool control(const std::string& method, const boost::json::value& params, const Reply& reply, bool checking);
    void handle_control(const RpcRequest& request);
    static std::span<const ControlCommand> control_commands();
    void describe_control();

    void sim_nodes(Params& in, const Reply& reply);
    void sim_crash(Params& in, const Reply& reply);
    void sim_start(Params& in, const Reply& reply);
    void sim_stop(Params& in, const Reply& reply);
    void sim_mine(Params& in, const Reply& reply);
    void sim_advance(Params& in, const Reply& reply);
    void sim_hold(Params& in, const Reply& reply);
    void sim_await(Params& in, const Reply& reply);
    void sim_release(Params& in, const Reply& reply);
    void sim_holds(Params& in, const Reply& reply);
    void sim_balances(Params& in, const Reply& reply);
    void sim_stats(Params& in, const Reply& reply);
    void sim_close(Params& in, const Reply& reply);

    boost::asio::io_context& io_;
    WorldConfig config_;
    Scheduler scheduler_;
    Pacer pacer_;
    Network network_;
    Holds holds_;
    Waiters hold_waiters_;
    Surroundings surroundings_;
    std::vector<std::unique_ptr<Node>> nodes_;
    std::unique_ptr<RpcServer> control_server_;
    bool running_ = true;
    bool stopping_ = false;
};

}  // namespace millrace::sim
