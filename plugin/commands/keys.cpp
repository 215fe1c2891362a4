// millrace-keys, millrace-rotate-key, millrace-retire-key epoch
#include <boost/json/array.hpp>

#include "plugin/commands/commands.hpp"

namespace millrace::commands {
namespace {

namespace bj = boost::json;
using gateway::RpcCode;
using gateway::RpcError;

RpcError error_of(const Error& error) {
    using invoicing::EpochErrc;
    if (is(error, EpochErrc::unknown_epoch) || is(error, EpochErrc::retired_epoch)) {
        return {static_cast<int>(RpcCode::unknown_epoch), error.message};
    }
    if (is(error, EpochErrc::current_epoch) || is(error, EpochErrc::exhausted)) {
        return {static_cast<int>(RpcCode::last_epoch), error.message};
    }
    return node_failed(error);
}

bj::object describe(const invoicing::KeyEpochs& epochs) {
    bj::array list;
    for (const invoicing::Epoch& epoch : epochs.all()) {
        // The first epoch is as old as the node's secret; when it was first used is not recorded.
        const auto created_at = epoch.created_at.value_or(std::chrono::sys_seconds{});
        bj::object entry{{"epoch", epoch.epoch}, {"created_at", created_at.time_since_epoch().count()}};
        entry["status"] = epoch.retired_at ? "retired" : epoch.epoch == epochs.current() ? "current" : "verifying";
        if (epoch.retired_at) entry["retired_at"] = epoch.retired_at->time_since_epoch().count();
        list.push_back(std::move(entry));
    }
    return {{"current", epochs.current()}, {"epochs", std::move(list)}};
}

boost::asio::awaitable<host::CommandReply> keys(Context& context) {
    if (auto error = co_await until_ready(context)) co_return std::move(*error);
    co_return describe(context.keys->epochs());
}

boost::asio::awaitable<host::CommandReply> rotate(Context& context) {
    if (auto error = co_await until_ready(context)) co_return std::move(*error);
    const auto done = co_await context.keys->rotate(context.world.now());
    if (!done) co_return error_of(done.error());
    co_return describe(context.keys->epochs());
}

boost::asio::awaitable<host::CommandReply> retire(Context& context, l402::KeyEpoch epoch) {
    if (auto error = co_await until_ready(context)) co_return std::move(*error);
    const auto done = co_await context.keys->retire(epoch, context.world.now());
    if (!done) co_return error_of(done.error());
    co_return describe(context.keys->epochs());
}

}  // namespace

std::vector<host::Command> key_commands(Context& context) {
    const auto prepare_keys = [&context](host::Arguments&) -> host::Prepared {
        return host::Job([&context] { return keys(context); });
    };
    const auto prepare_rotate = [&context](host::Arguments&) -> host::Prepared {
        return host::Job([&context] { return rotate(context); });
    };
    const auto prepare_retire = [&context](host::Arguments& in) -> host::Prepared {
        const auto epoch = static_cast<l402::KeyEpoch>(in.u64("epoch", 1, UINT16_MAX));
        return host::Job([&context, epoch] { return retire(context, epoch); });
    };
    return {{"millrace-keys", {}, prepare_keys},
            {"millrace-rotate-key", {}, prepare_rotate},
            {"millrace-retire-key", {{"epoch", true}}, prepare_retire}};
}

}  // namespace millrace::commands
