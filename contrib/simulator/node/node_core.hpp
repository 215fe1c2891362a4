// What the parts of one simulated lightningd share: its identity, its durable state, its log, its plugins, its clock.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/json/value.hpp>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/crypto/secp256k1.hpp"
#include "common/ids/ids.hpp"
#include "contrib/simulator/engine/scheduler.hpp"
#include "contrib/simulator/ledger/datastore.hpp"
#include "contrib/simulator/ledger/forwards.hpp"
#include "contrib/simulator/ledger/invoices.hpp"
#include "contrib/simulator/ledger/payments.hpp"
#include "contrib/simulator/network/network.hpp"
#include "contrib/simulator/node/holds.hpp"
#include "contrib/simulator/node/node_log.hpp"
#include "contrib/simulator/node/plugin_host.hpp"

namespace millrace::sim {

constexpr std::string_view node_version = "v26.06.6";

// How a node is configured; the same from start to start.
struct NodeSetup {
    std::string name;
    std::string alias;
    std::string color;      // six hex digits
    std::string network;    // "regtest", "bitcoin", …
    std::string home;       // DIR/<name>
    std::string directory;  // DIR/<name>/<network>, absolute
    SecretKey key;
    NodeId id;
    std::vector<std::string> plugins;
    std::vector<std::string> important_plugins;
    std::map<std::string, std::vector<std::string>> plugin_options;
    std::map<std::string, std::string> own_options;  // what the configuration set of lightningd's own options
    std::uint32_t cltv_final = 10;
    std::uint32_t cltv_delta = 6;
    bool allow_deprecated = false;
    LogLevel log_level = LogLevel::debug;
};

// What is on the node's disk: it survives a crash.
struct NodeState {
    InvoiceTable invoices;
    PaymentTable payments;
    ForwardTable forwards;
    Datastore datastore;
    std::uint64_t channel_movements = 0;
    std::uint64_t runes = 0;                                      // the next one's unique id
    std::map<std::string, std::vector<std::string>> set_options;  // config.setconfig
};

// What a node asks of the simulation around it.
struct Surroundings {
    boost::asio::io_context& io;
    Scheduler& scheduler;
    Network& network;
    Holds& holds;
    std::uint64_t seed = 1;
    std::function<void(const std::string& why)> fatal;  // ends the simulation, non-zero
    std::function<void()> wake;                         // brings virtual time up to the wall clock
    // A sim-* command; false where there is none of that name.
    std::function<bool(const std::string& method, const boost::json::value& params, const Reply& reply, bool checking)>
        control;
    std::vector<std::pair<std::string, std::string>> control_methods;  // their names and usages, for help
};

// Commands that wait for something: asked again after every change of state.
class Waiters {
  public:
    // `attempt` answers its command and gives true, or gives false to be asked again.
    void wait(std::function<bool()> attempt) {
        if (!attempt()) waiting_.push_back(std::move(attempt));
    }
    void poke() {
        std::list<std::function<bool()>> asked;
        asked.swap(waiting_);
        for (auto at = asked.begin(); at != asked.end();) at = (*at)() ? asked.erase(at) : std::next(at);
        waiting_.splice(waiting_.begin(), asked);
    }

  private:
    std::list<std::function<bool()>> waiting_;
};

class NodeCore : public std::enable_shared_from_this<NodeCore> {
  public:
    NodeCore(Surroundings& world, const NodeSetup& setup, NodeState& state, NodeIndex index);

    [[nodiscard]] Time now() const { return world.scheduler.now(); }
    [[nodiscard]] std::chrono::sys_seconds now_seconds() const {
        return std::chrono::floor<std::chrono::seconds>(now());
    }
    [[nodiscard]] std::uint32_t height() const { return world.network.height(); }
    [[nodiscard]] Network& network() const { return world.network; }
    [[nodiscard]] const NodeId& id_of(NodeIndex node) const { return world.network.nodes()[node].id; }

    // Calls back in virtual time, unless the node is gone by then.
    Scheduler::TimerId after(Duration delay, std::function<void()> callback);
    void write_log(LogLevel level, std::string_view source, std::string_view text) { log.write(level, source, text); }
    // lightningd would abort here: says so in the log, and ends the simulation.
    void fatal(const std::string& why);
    bool hold(HoldPoint at, std::function<void()> resume);

    Surroundings& world;
    const NodeSetup& setup;
    NodeState& state;
    const NodeIndex index;
    NodeLog log;
    std::shared_ptr<PluginHost> plugins;
    Waiters waiters;
    bool crashed = false;
};

// Channels have an id and a funding transaction; the simulator makes them up from the short channel id.
[[nodiscard]] std::string channel_id(ShortChannelId scid);
[[nodiscard]] std::string funding_txid(ShortChannelId scid);

// The feature bits that v26.06.6 offers by default, as hex.
namespace features {
constexpr std::string_view init = "800898880a8a59a1";
constexpr std::string_view node = "808898880a8a59a1";
constexpr std::string_view invoice = "02000002024100";
}  // namespace features

[[nodiscard]] double seconds_of(Time time);
[[nodiscard]] std::int64_t unix_seconds(std::chrono::sys_seconds time);

}  // namespace millrace::sim
