#include "contrib/simulator/node/world.hpp"

#include <sys/un.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <boost/asio/post.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <filesystem>
#include <utility>

#include "common/crypto/hash.hpp"

namespace millrace::sim {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr int aborted_status = 134;  // what a shell shows for SIGABRT
constexpr std::size_t socket_path_limit = sizeof(::sockaddr_un::sun_path) - 1;

SecretKey node_key(std::uint64_t seed, const std::string& name) {
    // A hash is a valid secp256k1 key but for one in 2^128.
    return SecretKey(crypto::sha256(as_bytes("millrace simulator node " + std::to_string(seed) + " " + name)));
}

// lightningd's own options that the simulator understands. Empty: taken. Otherwise what is wrong.
std::string set_own_option(NodeSetup& setup, const std::string& name, const std::string& value) {
    const auto number = [&value](std::uint32_t& out) {
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
        return error == std::errc() && end == value.data() + value.size();
    };
    bool good = true;
    if (name == "alias") {
        setup.alias = value;
    } else if (name == "rgb") {
        setup.color = value;
    } else if (name == "cltv-final") {
        good = number(setup.cltv_final);
    } else if (name == "cltv-delta") {
        good = number(setup.cltv_delta);
    } else if (name == "allow-deprecated-apis") {
        setup.allow_deprecated = value == "true";
    } else if (name == "log-level") {
        const auto level = parse_log_level(value);
        good = level.has_value();
        if (good) setup.log_level = *level;
    } else if (name == "important-plugin") {
        setup.important_plugins.push_back(value);
    } else {
        setup.plugin_options[name].push_back(value);
        return {};
    }
    setup.own_options[name] = value;
    return good ? "" : "node " + setup.name + ": --" + name + ": '" + value + "' is not understood";
}

}  // namespace

World::World(asio::io_context& io, WorldConfig config)
    : io_(io),
      config_(std::move(config)),
      scheduler_(config_.start),
      pacer_(config_.start, std::chrono::steady_clock::now(), config_.speed),
      network_(scheduler_, config_.seed),
      surroundings_{io, scheduler_, network_, holds_, config_.seed, {}, {}, {}, {}} {
    surroundings_.fatal = [this](const std::string& why) { die(why); };
    surroundings_.wake = [this] { wake(); };
    surroundings_.control = [this](const std::string& method, const json::value& params, const Reply& reply,
                                   bool checking) { return control(method, params, reply, checking); };
    describe_control();
}

World::~World() {
    nodes_.clear();
}

Result<std::unique_ptr<World>> World::create(asio::io_context& io, const Topology& topology, WorldConfig config) {
    std::unique_ptr<World> world(new World(io, std::move(config)));
    const std::string wrong = world->build(topology);
    if (!wrong.empty()) return fail(TopologyErrc::not_valid, wrong);
    return world;
}

std::string World::build(const Topology& topology) {
    network_.set_height(topology.blockheight);
    for (const NodeSpec& spec : topology.nodes) {
        auto node = std::make_unique<Node>();
        NodeSetup& setup = node->setup;
        setup.name = spec.name;
        setup.network = topology.network;
        setup.home = config_.directory + "/" + spec.name;
        setup.directory = setup.home + "/" + topology.network;
        setup.key = node_key(config_.seed, spec.name);
        setup.id = crypto::public_key(setup.key).value();
        setup.alias = spec.alias;
        setup.color = setup.id.hex().substr(0, 6);
        setup.plugins = spec.plugins;
        setup.important_plugins = spec.important_plugins;
        if (topology.network == "bitcoin") {
            setup.cltv_final = 18;
            setup.cltv_delta = 34;
        }
        for (const auto& [name, values] : spec.options) {
            for (const std::string& value : values) {
                std::string wrong = set_own_option(setup, name, value);
                if (!wrong.empty()) return wrong;
            }
        }
        const std::string socket = setup.directory + "/lightning-rpc";
        if (socket.size() > socket_path_limit)
            return socket + ": a unix socket's path has at most " + std::to_string(socket_path_limit) + " bytes";
        std::filesystem::create_directories(setup.directory);
        node->index = network_.add_node(setup.id, setup.alias);
        nodes_.push_back(std::move(node));
    }
    for (const ChannelLine& line : topology.channels) {
        ChannelSpec spec;
        spec.from = find(line.from)->index;
        spec.to = find(line.to)->index;
        spec.scid = line.scid;
        spec.capacity = line.capacity;
        spec.push = line.push;
        spec.policy = line.policy;
        spec.reverse_policy = line.reverse;
        spec.policy.last_update = spec.reverse_policy.last_update = static_cast<std::uint32_t>(
            std::chrono::floor<std::chrono::seconds>(config_.start).time_since_epoch().count());
        spec.reserve = line.reserve;
        spec.commit_fee = line.commit_fee;
        spec.latency = line.latency;
        spec.is_public = line.is_public;
        spec.max_accepted_htlcs = line.max_accepted_htlcs;
        spec.reverse_max_accepted_htlcs = line.reverse_max_accepted_htlcs;
        spec.max_in_flight = line.max_in_flight;
        spec.reverse_max_in_flight = line.reverse_max_in_flight;
        const auto added = network_.add_channel(spec);
        if (const std::string* wrong = std::get_if<std::string>(&added)) return *wrong;
    }
    for (const auto& node : nodes_) network_.set_up(node->index, false);
    network_.set_gate([this](Network::Message kind, const Htlc& htlc) {
        const NodeIndex actor = network_.receiver_of(htlc);
        return holds_.keep({kind == Network::add ? "htlc-add" : "htlc-remove", nodes_[actor]->setup.name, {}, {}},
                           [this, kind, ref = htlc.self] { network_.deliver(kind, ref); });
    });
    holds_.on_change([this] { hold_waiters_.poke(); });
    return {};
}

void World::start(std::function<void()> ready) {
    control_server_ =
        std::make_unique<RpcServer>(io_, config_.directory + "/control.sock", [this](const RpcRequest& request) {
            wake();
            handle_control(request);
        });
    auto waiting = std::make_shared<std::size_t>(nodes_.size());
    for (const auto& node : nodes_) {
        start_node(*node, [waiting, ready] {
            if (--*waiting == 0) ready();
        });
    }
    if (nodes_.empty()) ready();
}

void World::start_node(Node& node, std::function<void()> ready) {
    node.daemon = std::make_unique<Daemon>(surroundings_, node.setup, node.state, node.index);
    node.daemon->start([this, &node, ready = std::move(ready)] {
        wake();
        node.daemon->replay();
        node.up = true;
        network_.set_up(node.index, true);
        node.daemon->core().write_log(LogLevel::info, "lightningd",
                                      "Server started with public key " + node.setup.id.hex());
        ready();
    });
}

void World::crash_node(Node& node) {
    network_.set_up(node.index, false);
    node.up = false;
    // A command of this very node may be on the stack below us: the object goes later.
    const std::shared_ptr<Daemon> doomed = std::move(node.daemon);
    doomed->crash();
    asio::post(io_, [doomed] {});
}

void World::wake() {
    scheduler_.run_until(std::max(scheduler_.now(), pacer_.virtual_at(std::chrono::steady_clock::now())));
}

int World::run() {
    while (running_) {
        wake();
        if (const auto next = scheduler_.next()) {
            io_.run_one_until(pacer_.wall_at(*next));
        } else {
            io_.run_one();
        }
    }
    return EXIT_SUCCESS;
}

void World::stop() {
    if (std::exchange(stopping_, true)) return;
    control_server_.reset();
    auto waiting = std::make_shared<std::size_t>(0);
    const auto gone = [this, waiting] {
        if (--*waiting == 0) running_ = false;
    };
    for (const auto& node : nodes_) {
        if (!node->daemon) continue;
        ++*waiting;
    }
    if (*waiting == 0) running_ = false;
    for (const auto& node : nodes_) {
        if (node->daemon) node->daemon->shut_down(gone);
    }
}

void World::die(const std::string& why) {
    std::fprintf(stderr, "millrace-sim: lightningd would have aborted: %s\n", why.c_str());
    std::fflush(stderr);
    for (const auto& node : nodes_) {
        if (!node->daemon) continue;
        for (const PluginPtr& plugin : node->daemon->core().plugins->plugins()) {
            if (plugin->process && plugin->process->pid() > 0) ::kill(plugin->process->pid(), SIGKILL);
        }
        ::unlink((node->setup.directory + "/lightning-rpc").c_str());
    }
    ::unlink((config_.directory + "/control.sock").c_str());
    std::_Exit(aborted_status);
}

World::Node* World::find(const std::string& name) {
    for (const auto& node : nodes_) {
        if (node->setup.name == name) return node.get();
    }
    return nullptr;
}

json::object World::nodes_json() const {
    json::object out;
    for (const auto& node : nodes_) {
        out[node->setup.name] =
            json::object{{"id", node->setup.id.hex()}, {"rpc", node->setup.directory + "/lightning-rpc"}};
    }
    return out;
}

}  // namespace millrace::sim
