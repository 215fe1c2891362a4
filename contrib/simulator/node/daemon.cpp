#include "contrib/simulator/node/daemon.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <utility>

#include "common/bolt11/invoice.hpp"
#include "contrib/simulator/node/json_stream.hpp"

namespace millrace::sim {

namespace json = boost::json;

namespace {

HostContext host_context(NodeCore& core) {
    HostContext out;
    out.log = [&core](LogLevel level, std::string_view source, std::string_view text) {
        core.write_log(level, source, text);
    };
    out.fatal = [&core](const std::string& why) { core.fatal(why); };
    out.configuration = [&core](bool startup) {
        return json::object{{"lightning-dir", core.setup.directory},
                            {"rpc-file", "lightning-rpc"},
                            {"startup", startup},
                            {"network", core.setup.network},
                            {"feature_set", json::object{{"init", features::init},
                                                         {"node", features::node},
                                                         {"channel", ""},
                                                         {"invoice", features::invoice},
                                                         {"bolt12_offer", ""},
                                                         {"bolt12_invreq", ""},
                                                         {"bolt12_invoice", "020000"},
                                                         {"channel_type", "08800000800000"}}}};
    };
    out.is_own_command = [](std::string_view method) { return Daemon::find_command(method) != nullptr; };
    out.wake = core.world.wake;
    out.hold = [&core](std::string_view point, std::string_view method, std::string_view plugin,
                       std::function<void()> resume) {
        return core.hold({std::string(point), {}, std::string(method), std::string(plugin)}, std::move(resume));
    };
    out.options = core.setup.plugin_options;
    for (const auto& [name, values] : core.state.set_options) out.options[name] = values;
    out.directory = core.setup.directory;
    out.version = node_version;
    out.allow_deprecated = core.setup.allow_deprecated;
    return out;
}

void pass_on(const PluginAnswer& answer, const Reply& reply) {
    if (answer.result) return reply.raw("result", *answer.result);
    if (answer.error) return reply.raw("error", *answer.error);
    reply.error(rpc_code::plugin_terminated, "Plugin terminated before replying to RPC call.");
}

}  // namespace

Daemon::Daemon(Surroundings& world, const NodeSetup& setup, NodeState& state, NodeIndex index)
    : core_(std::make_shared<NodeCore>(world, setup, state, index)), receiver_(*core_), sender_(*core_, receiver_) {
    core_->plugins = std::make_shared<PluginHost>(world.io, host_context(*core_));
    core_->network().set_behaviour(index, this);
}

Daemon::~Daemon() {
    if (core_->crashed) return;
    core_->network().set_behaviour(core_->index, nullptr);
    core_->plugins->kill_all();
}

std::string Daemon::rpc_path() const {
    return core_->setup.directory + "/lightning-rpc";
}

void Daemon::start(std::function<void()> ready) {
    core_->write_log(LogLevel::info, "lightningd", std::string(node_version) + " (simulated) " + core_->setup.id.hex());
    server_ = std::make_unique<RpcServer>(core_->world.io, rpc_path(), [this](const RpcRequest& request) {
        core_->world.wake();
        handle(request);
    });
    for (const auto& [index, row] : core_->state.invoices.rows()) {
        if (row.status == InvoiceStatus::unpaid) watch_expiry(row.expires_at);
    }
    core_->plugins->start_all(core_->setup.plugins, core_->setup.important_plugins,
                              [weak = core_->weak_from_this(), ready = std::move(ready)] {
                                  if (weak.lock()) ready();
                              });
}

void Daemon::replay() {
    for (const HtlcRef htlc : core_->network().undecided(core_->index)) {
        core_->write_log(LogLevel::info, "lightningd", "Replaying old unprocessed HTLC");
        receiver_.accept(htlc);
    }
}

void Daemon::shut_down(std::function<void()> done) {
    // Plugins may still finish what they asked of the node.
    server_->stop_listening();
    core_->plugins->shut_down(std::move(done));
}

void Daemon::crash() {
    core_->write_log(LogLevel::info, "simulator", "crash");
    core_->crashed = true;
    core_->network().set_behaviour(core_->index, nullptr);
    server_.reset();
    core_->plugins->kill_all();
}

void Daemon::watch_expiry(std::chrono::sys_seconds expires_at) {
    core_->world.scheduler.call_at(expires_at, [weak = core_->weak_from_this()] {
        const auto core = weak.lock();
        if (core && !core->state.invoices.expire(core->now_seconds()).empty()) core->waiters.poke();
    });
}

void Daemon::on_htlc_locked_in(HtlcRef htlc) {
    receiver_.accept(htlc);
}

void Daemon::on_htlc_resolved(const Htlc& htlc) {
    if (htlc.upstream == 0) {
        sender_.resolved(htlc);
    } else {
        receiver_.outgoing_resolved(htlc);
    }
    if (htlc.fulfilled) coin_movement(htlc, false);
}

void Daemon::on_htlc_removed(const Htlc& htlc) {
    if (htlc.fulfilled) coin_movement(htlc, true);
}

void Daemon::coin_movement(const Htlc& htlc, bool incoming) {
    const bool routed = incoming ? htlc.downstream != 0 : htlc.upstream != 0;
    Msat fee;
    if (const Htlc* other = core_->network().find(incoming ? htlc.downstream : htlc.upstream)) {
        fee = (incoming ? htlc.amount.minus(other->amount) : other->amount.minus(htlc.amount)).value_or(Msat());
    } else if (routed) {
        // The other half is settled already: the forward's row knows.
        const ForwardRow* row =
            incoming ? core_->state.forwards.find(core_->network().channel(htlc.channel).scid, htlc.id) : nullptr;
        if (row != nullptr && row->out_amount) fee = row->in_amount.minus(*row->out_amount).value_or(Msat());
    }
    json::object movement{{"version", 2},
                          {"coin_type", bolt11::currency_of_network(core_->setup.network)},
                          {"node_id", core_->setup.id.hex()},
                          {"type", "channel_mvt"},
                          {"created_index", ++core_->state.channel_movements},
                          {"account_id", channel_id(core_->network().channel(htlc.channel).scid)},
                          {"credit_msat", incoming ? htlc.amount.value() : 0},
                          {"debit_msat", incoming ? 0 : htlc.amount.value()},
                          {"timestamp", unix_seconds(core_->now_seconds())},
                          {"primary_tag", routed ? "routed" : "invoice"},
                          {"extra_tags", json::array{}},
                          {"payment_hash", htlc.payment_hash.hex()}};
    if (!incoming && !routed) {
        if (const PaymentRow* row = core_->state.payments.find(htlc.tag)) {
            movement["part_id"] = row->part;
            movement["group_id"] = row->group;
            if (row->amount) fee = htlc.amount.minus(*row->amount).value_or(Msat());
        }
    }
    movement["fees_msat"] = fee.value();
    core_->plugins->notify("coin_movement", movement);
}

void Daemon::on_peer(ChannelIndex index, bool connected) {
    const Channel& channel = core_->network().channel(index);
    const NodeIndex peer = channel.peer_of(core_->index);
    const std::string id = core_->id_of(peer).hex();
    if (!connected) {
        core_->plugins->notify("disconnect", json::object{{"id", id}});
        return;
    }
    const bool opener = channel.sides[channel.opener].node == core_->index;
    core_->plugins->notify(
        "connect",
        json::object{{"id", id},
                     {"direction", opener ? "out" : "in"},
                     {"address", json::object{{"type", "ipv4"}, {"address", "127.0.0.1"}, {"port", 9735 + peer}}}});
}

void Daemon::on_channel_closed(ChannelIndex index) {
    const Channel& channel = core_->network().channel(index);
    core_->write_log(LogLevel::unusual, "lightningd",
                     channel.scid.text() + ": Peer permanent failure in CHANNELD_NORMAL: going on chain");
    core_->plugins->notify("channel_state_changed",
                           json::object{{"peer_id", core_->id_of(channel.peer_of(core_->index)).hex()},
                                        {"channel_id", channel_id(channel.scid)},
                                        {"short_channel_id", channel.scid.text()},
                                        {"timestamp", iso_time(core_->now())},
                                        {"old_state", "CHANNELD_NORMAL"},
                                        {"new_state", "AWAITING_UNILATERAL"},
                                        {"cause", "protocol"},
                                        {"message", "Offered HTLC hit deadline"}});
}

void Daemon::block_added() {
    const std::string hash =
        crypto::payment_hash(Preimage(crypto::sha256(as_bytes("block " + std::to_string(core_->height()))))).hex();
    core_->plugins->notify("block_added", json::object{{"hash", hash}, {"height", core_->height()}});
    core_->waiters.poke();
}

const Command* Daemon::find_command(std::string_view method) {
    for (const Command* command : all_commands()) {
        if (command->name == method) return command;
    }
    return nullptr;
}

std::vector<const Command*> Daemon::all_commands() {
    std::vector<const Command*> out;
    for (const auto table : {node_commands(), invoice_commands(), payment_commands(), channel_commands(),
                             plugin_commands(), wait_commands(), datastore_commands(), rune_commands()}) {
        for (const Command& command : table) out.push_back(&command);
    }
    return out;
}

void Daemon::handle(const RpcRequest& request) {
    const std::shared_ptr<RpcSession> session = request.session;
    const auto answer = [session](std::string text) { session->send(std::move(text)); };
    boost::system::error_code error;
    const json::value parsed = json::parse(request.text, error);
    const auto id = raw_member(request.text, "id");
    const Reply direct(id ? std::string(*id) : "null", answer);
    if (error || !parsed.is_object()) return direct.error(rpc_code::invalid_request, "Expected {} for json command");
    const json::object& object = parsed.get_object();
    const json::value* version = object.if_contains("jsonrpc");
    const json::value* method = object.if_contains("method");
    if (!id || object.at("id").is_object() || object.at("id").is_array())
        return direct.error(rpc_code::invalid_request, "No id");
    if (version == nullptr || *version != json::value("2.0")) {
        return direct.error(rpc_code::invalid_request, "jsonrpc: \"2.0\" must be specified in the request");
    }
    if (method == nullptr) return direct.error(rpc_code::invalid_request, "No method");
    if (!method->is_string()) return direct.error(rpc_code::invalid_request, "Expected string for method");
    const auto params = raw_member(request.text, "params");
    if (!params) return direct.error(rpc_code::invalid_request, "No params");

    const std::string name(method->get_string());
    const auto filter = raw_member(request.text, "filter");
    // Commands to the simulation itself are never held: they are what releases a hold.
    if (name.starts_with("sim-")) return run(name, *params, false, direct, session);
    const auto weak = core_->weak_from_this();
    const Reply reply(std::string(*id), [this, weak, name, answer](std::string text) {
        if (!weak.lock()) return;
        auto send = [answer, text = std::move(text)] { answer(text); };
        if (!core_->hold({"rpc-reply", {}, name, {}}, send)) send();
    });
    auto execute = [this, name, raw = std::string(*params), wanted = std::string(filter.value_or("")), reply, session] {
        run(name, raw, false, reply, session, wanted);
    };
    if (!core_->hold({"rpc-request", {}, name, {}}, execute)) execute();
}

// The command to check comes first or by name, its own parameters beside it: lightningd-check(7).
void Daemon::check(std::string_view raw_params, const Reply& reply, const std::shared_ptr<RpcSession>& session) {
    json::value params = json::parse(raw_params);
    std::string method;
    if (json::array* array = params.if_array(); array != nullptr && !array->empty() && array->front().is_string()) {
        method = array->front().get_string();
        array->erase(array->begin());
    } else if (json::object* object = params.if_object(); object != nullptr && object->contains("command_to_check")) {
        const json::value& named = object->at("command_to_check");
        if (named.is_string()) method = named.get_string();
        object->erase("command_to_check");
    }
    if (method.empty()) return reply.error(rpc_code::bad_params, "missing required parameter: command_to_check");
    const PluginPtr plugin = core_->plugins->owner_of(method);
    if (!plugin) return run(method, json::serialize(params), true, reply, session);
    if (!plugin->manifest.can_check) {
        core_->write_log(LogLevel::unusual, "lightningd",
                         "Plugin " + plugin->name + " cannot check: " + method + " is taken as fine");
        return reply.result(json::object{{"command_to_check", method}});
    }
    core_->plugins->call(plugin, "check", raw_params, reply, session,
                         [reply](const PluginAnswer& answer) { pass_on(answer, reply); });
}

void Daemon::run(const std::string& method, std::string_view raw_params, bool checking, const Reply& reply,
                 const std::shared_ptr<RpcSession>& session, std::string_view raw_filter) {
    if (method == "check") return check(raw_params, reply, session);
    if (const Command* command = find_command(method)) {
        Params in(method, command->usage, json::parse(raw_params), checking);
        return command->run(*this, in, reply, session);
    }
    if (core_->world.control(method, json::parse(raw_params), reply, checking)) return;
    const PluginPtr plugin = core_->plugins->owner_of(method);
    if (!plugin || !plugin->initialised)
        return reply.error(rpc_code::unknown_method, "Unknown command '" + method + "'");
    core_->plugins->call(
        plugin, method, raw_params, reply, session, [reply](const PluginAnswer& answer) { pass_on(answer, reply); },
        raw_filter);
}

}  // namespace millrace::sim
