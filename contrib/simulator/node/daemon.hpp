// One simulated lightningd while it runs: its RPC socket, its plugins, its part in the network. Crashing it is
// destroying this object; what it knew for good is in NodeState.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "contrib/simulator/node/node_core.hpp"
#include "contrib/simulator/node/params.hpp"
#include "contrib/simulator/node/receiver.hpp"
#include "contrib/simulator/node/rpc_server.hpp"
#include "contrib/simulator/node/sender.hpp"

namespace millrace::sim {

class Daemon;

// A command of lightningd's own: data, so that help, check and dispatch read the same table.
struct Command {
    const char* name;
    const char* usage;  // parameters in order, optional ones in brackets
    void (*run)(Daemon& node, Params& in, const Reply& reply, const std::shared_ptr<RpcSession>& session);
};

[[nodiscard]] std::span<const Command> invoice_commands();
[[nodiscard]] std::span<const Command> payment_commands();
[[nodiscard]] std::span<const Command> channel_commands();
[[nodiscard]] std::span<const Command> node_commands();
[[nodiscard]] std::span<const Command> plugin_commands();
[[nodiscard]] std::span<const Command> wait_commands();
[[nodiscard]] std::span<const Command> datastore_commands();
[[nodiscard]] std::span<const Command> rune_commands();

class Daemon final : public NodeBehaviour {
  public:
    Daemon(Surroundings& world, const NodeSetup& setup, NodeState& state, NodeIndex index);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    // Opens the RPC socket and starts the plugins; `ready` when all of them have answered init.
    void start(std::function<void()> ready);
    // Offers undecided HTLCs to the hooks again: after start(), before the peers connect.
    void replay();
    void shut_down(std::function<void()> done);
    // As kill -9: from here on nothing of this node happens any more, though the object may live a little longer.
    void crash();

    void on_htlc_locked_in(HtlcRef htlc) override;
    void on_htlc_resolved(const Htlc& htlc) override;
    void on_htlc_removed(const Htlc& htlc) override;
    void on_peer(ChannelIndex channel, bool connected) override;
    void on_channel_closed(ChannelIndex channel) override;
    void block_added();

    // A request, whichever socket it came through.
    void handle(const RpcRequest& request);
    void run(const std::string& method, std::string_view raw_params, bool checking, const Reply& reply,
             const std::shared_ptr<RpcSession>& session, std::string_view raw_filter = {});

    [[nodiscard]] NodeCore& core() { return *core_; }
    [[nodiscard]] Receiver& receiver() { return receiver_; }
    [[nodiscard]] Sender& sender() { return sender_; }
    [[nodiscard]] std::string rpc_path() const;

    // Null where lightningd has no such command itself.
    [[nodiscard]] static const Command* find_command(std::string_view method);
    [[nodiscard]] static std::vector<const Command*> all_commands();

    // The invoice table changed or may have to: expire what is due now, and look again when the next one is.
    void watch_expiry(std::chrono::sys_seconds expires_at);

  private:
    void check(std::string_view raw_params, const Reply& reply, const std::shared_ptr<RpcSession>& session);
    void coin_movement(const Htlc& htlc, bool incoming);

    std::shared_ptr<NodeCore> core_;
    Receiver receiver_;
    Sender sender_;
    std::unique_ptr<RpcServer> server_;
};

}  // namespace millrace::sim
