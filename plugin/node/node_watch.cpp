#include "plugin/node/node_watch.hpp"

#include <algorithm>
#include <utility>

#include "common/json/fields.hpp"
#include "plugin/host/signal.hpp"

namespace millrace::node {

namespace asio = boost::asio;
namespace bj = boost::json;

namespace {

// Notifications come in bursts; a node with a thousand channels answers listpeerchannels with megabytes. Asking takes at
// most one part in fifty of the node's time.
constexpr std::chrono::seconds shortest_interval{1};
constexpr int rest_factor = 50;
constexpr int longest_interval = 30;  // in units of the shortest

// {"configs": {"cltv-final": {"value_int": 18, ...}}}
Result<std::uint32_t> parse_cltv_final(const bj::value& result) {
    json::Fields in(result, "listconfigs");
    const bj::value configs_value(in.object("configs"));
    if (in.fault()) return *in.fault();
    json::Fields configs(configs_value, "listconfigs: configs");
    const bj::value entry_value(configs.object("cltv-final"));
    if (configs.fault()) return *configs.fault();
    json::Fields entry(entry_value, "listconfigs: cltv-final");
    const auto blocks = static_cast<std::uint32_t>(entry.u64("value_int", UINT32_MAX));
    if (entry.fault()) return *entry.fault();
    return blocks;
}

bool same(const gateway::NodeFigures& left, const gateway::NodeFigures& right) {
    return left.blockheight == right.blockheight && left.peers == right.peers &&
           left.active_channels == right.active_channels && left.spendable == right.spendable &&
           left.receivable == right.receivable && left.unpayable == right.unpayable;
}

}  // namespace

NodeWatch::NodeWatch(asio::any_io_executor executor, std::shared_ptr<lightning::RpcClient> rpc, const host::Log& log)
    : executor_(std::move(executor)), rpc_(std::move(rpc)), log_(log) {}

asio::awaitable<Result<void>> NodeWatch::load() {
    if (auto done = co_await load_identity(); !done) co_return done.error();
    // Channels are for hints and figures: without them the plugin can sell.
    if (auto done = co_await load_channels(); !done)
        log_.warn("the channels are not known yet: " + done.error().message);
    co_return Result<void>();
}

asio::awaitable<Result<void>> NodeWatch::load_identity() {
    const auto info = co_await rpc_->call("getinfo", {});
    if (!info) co_return info.error();
    json::Fields in(*info, "getinfo");
    identity_.id = in.string("id");
    identity_.alias = in.optional_string("alias").value_or("");
    identity_.network = in.string("network");
    identity_.version = in.optional_string("version").value_or("");
    gateway::NodeFigures figures = figures_;
    figures.blockheight = static_cast<std::uint32_t>(in.u64("blockheight", UINT32_MAX));
    figures.peers = static_cast<std::uint32_t>(in.optional_u64("num_peers", UINT32_MAX).value_or(0));
    if (in.fault()) co_return *in.fault();
    set_figures(figures);

    bj::object which{{"config", "cltv-final"}};
    const auto configs = co_await rpc_->call("listconfigs", std::move(which));
    if (!configs) co_return configs.error();
    const auto cltv_final = parse_cltv_final(*configs);
    if (!cltv_final) co_return cltv_final.error();
    identity_.cltv_final = *cltv_final;
    co_return Result<void>();
}

asio::awaitable<Result<void>> NodeWatch::load_channels() {
    loading_ = true;
    const auto begun = std::chrono::steady_clock::now();
    auto done = co_await ask_for_channels();
    const auto ended = std::chrono::steady_clock::now();
    load_again_ = ended + std::max<std::chrono::nanoseconds>(shortest_interval, (ended - begun) * rest_factor);
    loading_ = false;
    co_return done;
}

bool NodeWatch::may_load() const {
    return !loading_ && std::chrono::steady_clock::now() >= load_again_;
}

asio::awaitable<Result<void>> NodeWatch::ask_for_channels() {
    const auto listed = co_await rpc_->call("listpeerchannels", {});
    if (!listed) co_return listed.error();
    auto channels = parse_peer_channels(*listed);
    if (!channels) co_return channels.error();

    const auto info = co_await rpc_->call("getinfo", {});
    if (!info) co_return info.error();
    json::Fields in(*info, "getinfo");
    const auto peers = static_cast<std::uint32_t>(in.optional_u64("num_peers", UINT32_MAX).value_or(0));

    channels_ = std::move(*channels);
    gateway::NodeFigures figures = figures_of(channels_);
    figures.blockheight = figures_.blockheight;
    figures.peers = peers;
    set_figures(figures);

    const auto asked = co_await rpc_->call("listincoming", {});
    if (!asked) co_return asked.error();
    auto incoming = parse_incoming(*asked);
    if (!incoming) co_return incoming.error();
    incoming_ = std::move(*incoming);
    channels_known_ = true;
    co_return Result<void>();
}

asio::awaitable<void> NodeWatch::follow() {
    bool complained = false;
    for (int waited = 0;; ++waited) {
        co_await host::pause(executor_, shortest_interval);
        // That a channel is re-established is told by nobody; until one is, nothing is sold.
        const bool wanted = stale_ || figures_.unpayable || waited >= longest_interval;
        if (!wanted || !may_load()) continue;
        stale_ = false;
        waited = 0;
        const auto done = co_await load_channels();
        if (!done && !complained) log_.warn("the channels cannot be read: " + done.error().message);
        complained = !done;
    }
}

void NodeWatch::on_block(std::uint32_t height) {
    gateway::NodeFigures figures = figures_;
    figures.blockheight = height;
    set_figures(figures);
    stale_ = true;
}

void NodeWatch::on_change() {
    stale_ = true;
}

asio::awaitable<std::vector<std::vector<bolt11::RouteHop>>> NodeWatch::hints_for(Msat amount) {
    const bool announced = std::any_of(channels_.begin(), channels_.end(),
                                       [](const PeerChannel& channel) { return channel.announced && channel.usable; });
    // Where it fails the invoice is made with what is known; follow() says what is wrong.
    if (!announced && may_load()) (void)co_await load_channels();
    co_return route_hints(incoming_, channels_, amount);
}

std::vector<Warning> NodeWatch::warnings_for(Msat amount) const {
    if (!channels_known_) return {};
    return payment_warnings(incoming_, channels_, amount);
}

void NodeWatch::set_figures(gateway::NodeFigures figures) {
    if (same(figures, figures_)) return;
    figures_ = figures;
    if (changed) changed();
}

}  // namespace millrace::node
