// What the plugin knows of its node: who it is, at which height, with which channels. Asked once at start; height and
// connections follow lightningd's notifications, channels are asked for again when those say so, and now and then.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/gateway/messages.hpp"
#include "common/lightning/rpc_client.hpp"
#include "plugin/host/log.hpp"
#include "plugin/node/channels.hpp"

namespace millrace::node {

struct Identity {
    std::string id;
    std::string alias;
    std::string network;
    std::string version;
    std::uint32_t cltv_final = 0;  // blocks, lightningd's node-wide option
};

class NodeWatch {
  public:
    NodeWatch(boost::asio::any_io_executor executor, std::shared_ptr<lightning::RpcClient> rpc, const host::Log& log);

    // Everything, once. Errors: lightning::Errc, json::Errc. Call until it succeeds.
    boost::asio::awaitable<Result<void>> load();

    // Looks after the channels until the program ends. Call once, after load().
    boost::asio::awaitable<void> follow();

    // A notification of lightningd that may change something.
    void on_block(std::uint32_t height);
    void on_change();

    [[nodiscard]] const Identity& identity() const { return identity_; }
    [[nodiscard]] const gateway::NodeFigures& figures() const { return figures_; }
    // For an invoice of `amount`. A node that needs hints asks lightningd anew where what it knows is older than a moment:
    // that a peer told its fees, and so can be hinted at, is no notification.
    boost::asio::awaitable<std::vector<std::vector<bolt11::RouteHop>>> hints_for(Msat amount);

    // What keeps `amount` from being paid, by what was heard last of the channels; empty before anything was.
    [[nodiscard]] std::vector<Warning> warnings_for(Msat amount) const;

    // Called when the figures changed.
    std::function<void()> changed;

  private:
    boost::asio::awaitable<Result<void>> load_identity();
    boost::asio::awaitable<Result<void>> load_channels();
    boost::asio::awaitable<Result<void>> ask_for_channels();
    [[nodiscard]] bool may_load() const;
    void set_figures(gateway::NodeFigures figures);

    boost::asio::any_io_executor executor_;
    std::shared_ptr<lightning::RpcClient> rpc_;
    const host::Log& log_;
    Identity identity_;
    gateway::NodeFigures figures_;
    std::vector<PeerChannel> channels_;
    std::vector<IncomingChannel> incoming_;
    std::chrono::steady_clock::time_point load_again_{};  // not before
    bool channels_known_ = false;
    bool loading_ = false;
    bool stale_ = false;
};

}  // namespace millrace::node
