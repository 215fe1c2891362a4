#include "contrib/simulator/node/node_core.hpp"

#include <utility>

#include "common/codec/hex.hpp"

namespace millrace::sim {
namespace {

std::string derived(std::string_view what, ShortChannelId scid) {
    const std::string text = std::string(what) + " " + scid.text();
    return codec::to_hex(crypto::sha256(as_bytes(text)));
}

}  // namespace

NodeCore::NodeCore(Surroundings& world_around, const NodeSetup& node_setup, NodeState& node_state, NodeIndex node_index)
    : world(world_around),
      setup(node_setup),
      state(node_state),
      index(node_index),
      log(node_setup.home + "/log", [&scheduler = world_around.scheduler] { return scheduler.now(); }) {
    log.set_level(setup.log_level);
}

Scheduler::TimerId NodeCore::after(Duration delay, std::function<void()> callback) {
    return world.scheduler.call_at(now() + delay, [weak = weak_from_this(), callback = std::move(callback)] {
        if (const auto self = weak.lock(); self && !self->crashed) callback();
    });
}

void NodeCore::fatal(const std::string& why) {
    log.write(LogLevel::broken, "lightningd", "FATAL: " + why);
    world.fatal("node " + setup.name + ": " + why);
}

bool NodeCore::hold(HoldPoint at, std::function<void()> resume) {
    at.node = setup.name;
    return world.holds.keep(at, [weak = weak_from_this(), resume = std::move(resume)] {
        if (const auto self = weak.lock(); self && !self->crashed) resume();
    });
}

std::string channel_id(ShortChannelId scid) {
    return derived("channel id", scid);
}
std::string funding_txid(ShortChannelId scid) {
    return derived("funding txid", scid);
}

double seconds_of(Time time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}
std::int64_t unix_seconds(std::chrono::sys_seconds time) {
    return time.time_since_epoch().count();
}

}  // namespace millrace::sim
