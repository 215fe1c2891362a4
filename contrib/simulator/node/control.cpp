// The sim-* commands: on every node's RPC, and on DIR/control.sock where they work with all nodes down.
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <set>
#include <utility>

#include "contrib/simulator/node/json_stream.hpp"
#include "contrib/simulator/node/world.hpp"

namespace millrace::sim {

namespace json = boost::json;

struct World::ControlCommand {
    const char* name;
    const char* usage;
    void (World::*run)(Params& in, const Reply& reply);
};

std::span<const World::ControlCommand> World::control_commands() {
    static constexpr ControlCommand commands[] = {
        {"sim-nodes", "", &World::sim_nodes},
        {"sim-crash", "node", &World::sim_crash},
        {"sim-start", "node", &World::sim_start},
        {"sim-stop", "node", &World::sim_stop},
        {"sim-mine", "[blocks]", &World::sim_mine},
        {"sim-advance", "seconds", &World::sim_advance},
        {"sim-hold", "point [node] [method] [plugin] [count]", &World::sim_hold},
        {"sim-await", "hold [count] [timeout]", &World::sim_await},
        {"sim-release", "hold", &World::sim_release},
        {"sim-holds", "", &World::sim_holds},
        {"sim-balances", "", &World::sim_balances},
        {"sim-stats", "", &World::sim_stats},
        {"sim-close", "short_channel_id", &World::sim_close},
    };
    return commands;
}

void World::describe_control() {
    for (const ControlCommand& command : control_commands())
        surroundings_.control_methods.emplace_back(command.name, command.usage);
}

bool World::control(const std::string& method, const json::value& params, const Reply& reply, bool checking) {
    for (const ControlCommand& command : control_commands()) {
        if (command.name != method) continue;
        Params in(method, command.usage, params, checking);
        (this->*command.run)(in, reply);
        return true;
    }
    return false;
}

void World::handle_control(const RpcRequest& request) {
    const auto session = request.session;
    const auto id = raw_member(request.text, "id");
    const Reply reply(id ? std::string(*id) : "null", [session](std::string text) { session->send(std::move(text)); });
    boost::system::error_code error;
    const json::value parsed = json::parse(request.text, error);
    const json::object* object = error ? nullptr : parsed.if_object();
    const json::value* method = object == nullptr ? nullptr : object->if_contains("method");
    if (method == nullptr || !method->is_string())
        return reply.error(rpc_code::invalid_request, "Expected {} for json command");
    const json::value* params = object->if_contains("params");
    const std::string name(method->get_string());
    if (!control(name, params == nullptr ? json::value(json::object{}) : *params, reply, false)) {
        reply.error(rpc_code::unknown_method, "Unknown command '" + name + "'");
    }
}

void World::sim_nodes(Params& in, const Reply& reply) {
    if (in.ends(reply)) return;
    json::array out;
    for (const auto& node : nodes_) {
        json::array plugins;
        if (node->daemon) {
            for (const PluginPtr& plugin : node->daemon->core().plugins->plugins()) {
                plugins.push_back(json::object{{"name", plugin->name}, {"pid", plugin->process->pid()}});
            }
        }
        out.push_back(json::object{{"name", node->setup.name},
                                   {"id", node->setup.id.hex()},
                                   {"rpc", node->setup.directory + "/lightning-rpc"},
                                   {"up", node->up},
                                   {"plugins", std::move(plugins)}});
    }
    reply.result(json::object{{"nodes", std::move(out)}});
}

void World::sim_crash(Params& in, const Reply& reply) {
    const std::string name = in.string("node");
    Node* node = find(name);
    if (node == nullptr) in.bad("node", "no such node");
    if (in.ends(reply)) return;
    if (!node->daemon) return reply.error(rpc_code::general, name + " is down already");
    reply.result(json::object{{"node", name}, {"up", false}});
    crash_node(*node);
}

void World::sim_start(Params& in, const Reply& reply) {
    const std::string name = in.string("node");
    Node* node = find(name);
    if (node == nullptr) in.bad("node", "no such node");
    if (in.ends(reply)) return;
    if (node->daemon) return reply.error(rpc_code::general, name + " is up already");
    start_node(*node, [reply, name] { reply.result(json::object{{"node", name}, {"up", true}}); });
}

void World::sim_stop(Params& in, const Reply& reply) {
    const std::string name = in.string("node");
    Node* node = find(name);
    if (node == nullptr) in.bad("node", "no such node");
    if (in.ends(reply)) return;
    if (!node->daemon) return reply.error(rpc_code::general, name + " is down already");
    network_.set_up(node->index, false);
    node->up = false;
    node->daemon->shut_down([this, node, reply, name] {
        reply.result(json::object{{"node", name}, {"up", false}});
        node->daemon.reset();
    });
}

void World::sim_mine(Params& in, const Reply& reply) {
    const std::uint64_t blocks = in.optional_u64("blocks", 1'000'000).value_or(1);
    if (in.ends(reply)) return;
    for (std::uint64_t i = 0; i < blocks; ++i) {
        network_.mine(1);
        for (const auto& node : nodes_) {
            if (node->daemon && node->up) node->daemon->block_added();
        }
    }
    reply.result(json::object{{"blockheight", network_.height()}});
}

void World::sim_advance(Params& in, const Reply& reply) {
    const std::uint64_t seconds = in.u64("seconds");
    if (in.ends(reply)) return;
    // Runs what falls due on the way, in order.
    pacer_.jump(std::chrono::seconds(seconds));
    wake();
    reply.result(json::object{{"now", seconds_of(scheduler_.now())}});
}

void World::sim_hold(Params& in, const Reply& reply) {
    static const std::set<std::string> points{"htlc-add",     "htlc-remove", "hook-call",
                                              "plugin-reply", "rpc-request", "rpc-reply"};
    HoldPoint wish;
    wish.point = in.string("point");
    wish.node = in.optional_string("node").value_or("");
    wish.method = in.optional_string("method").value_or("");
    wish.plugin = in.optional_string("plugin").value_or("");
    const std::uint64_t count = in.optional_u64("count").value_or(0);
    if (!points.contains(wish.point))
        in.bad("point", "should be htlc-add, htlc-remove, hook-call, plugin-reply, rpc-request or rpc-reply");
    if (!wish.node.empty() && find(wish.node) == nullptr) in.bad("node", "no such node");
    if (in.ends(reply)) return;
    reply.result(json::object{{"hold", holds_.add(std::move(wish), count)}});
}

void World::sim_await(Params& in, const Reply& reply) {
    const std::uint64_t hold = in.u64("hold");
    const std::uint64_t count = in.optional_u64("count").value_or(1);
    const std::uint64_t timeout = in.optional_u64("timeout", 3600).value_or(60);
    if (!holds_.all().contains(hold)) in.bad("hold", "no such hold");
    if (in.ends(reply)) return;
    hold_waiters_.wait([this, hold, count, reply] {
        if (reply.answered()) return true;
        const auto found = holds_.all().find(hold);
        if (found == holds_.all().end()) {
            reply.error(rpc_code::general, "the hold was released");
            return true;
        }
        if (found->second.caught < count) return false;
        reply.result(json::object{{"hold", hold}, {"caught", found->second.caught}});
        return true;
    });
    // On the wall clock: a test waits for real.
    auto timer = std::make_shared<boost::asio::steady_timer>(io_, std::chrono::seconds(timeout));
    timer->async_wait(
        [timer, reply](boost::system::error_code) { reply.error(rpc_code::general, "nothing was caught in time"); });
}

void World::sim_release(Params& in, const Reply& reply) {
    const std::uint64_t hold = in.u64("hold");
    if (!holds_.all().contains(hold)) in.bad("hold", "no such hold");
    if (in.ends(reply)) return;
    holds_.release(hold);
    hold_waiters_.poke();
    reply.result(json::object{{"hold", hold}});
}

void World::sim_holds(Params& in, const Reply& reply) {
    if (in.ends(reply)) return;
    json::array out;
    for (const auto& [id, hold] : holds_.all()) {
        out.push_back(json::object{{"hold", id},
                                   {"point", hold.wish.point},
                                   {"node", hold.wish.node},
                                   {"method", hold.wish.method},
                                   {"plugin", hold.wish.plugin},
                                   {"caught", hold.caught},
                                   {"kept", hold.kept.size()}});
    }
    reply.result(json::object{{"holds", std::move(out)}});
}

void World::sim_balances(Params& in, const Reply& reply) {
    if (in.ends(reply)) return;
    json::array out;
    for (const Channel& channel : network_.channels()) {
        json::array sides;
        for (const ChannelSide& side : channel.sides) {
            sides.push_back(json::object{{"node", nodes_[side.node]->setup.name},
                                         {"balance_msat", side.balance.value()},
                                         {"in_flight_msat", side.in_flight_amount.value()},
                                         {"htlcs", side.in_flight}});
        }
        out.push_back(json::object{{"short_channel_id", channel.scid.text()},
                                   {"capacity_msat", channel.capacity.value()},
                                   {"connected", channel.connected},
                                   {"sides", std::move(sides)}});
    }
    reply.result(json::object{{"channels", std::move(out)}, {"balanced", network_.balanced()}});
}

void World::sim_stats(Params& in, const Reply& reply) {
    if (in.ends(reply)) return;
    json::object writes;
    for (const auto& node : nodes_) {
        writes[node->setup.name] =
            json::object{{"invoices", node->state.invoices.writes()},
                         {"datastore", node->state.datastore.writes()},
                         {"payments", node->state.payments.created() + node->state.payments.updated()},
                         {"forwards", node->state.forwards.created() + node->state.forwards.updated()}};
    }
    char hash[17];
    std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(network_.log().hash()));
    reply.result(json::object{{"now", seconds_of(scheduler_.now())},
                              {"blockheight", network_.height()},
                              {"events", scheduler_.executed()},
                              {"htlcs_offered", network_.htlcs_offered()},
                              {"event_log_hash", hash},
                              {"database_writes", std::move(writes)}});
}

void World::sim_close(Params& in, const Reply& reply) {
    const std::string text = in.string("short_channel_id");
    const auto scid = ShortChannelId::parse(text);
    std::optional<ChannelIndex> channel;
    if (scid) channel = network_.find_channel(*scid);
    if (!channel) in.bad("short_channel_id", "no such channel");
    if (in.ends(reply)) return;
    network_.close(*channel);
    reply.result(json::object{{"short_channel_id", text}});
}

}  // namespace millrace::sim
