// millrace-refunds [start] [limit]
#include <boost/json/array.hpp>

#include "plugin/commands/commands.hpp"

namespace millrace::commands {
namespace {

namespace bj = boost::json;

constexpr std::uint64_t default_limit = 100;
constexpr std::uint64_t max_limit = 1000;

boost::asio::awaitable<host::CommandReply> list(Context& context, std::uint64_t start, std::uint64_t limit) {
    if (auto error = co_await until_ready(context)) co_return std::move(*error);
    if (!co_await context.refunder->until_loaded()) {
        co_return gateway::RpcError{static_cast<int>(gateway::RpcCode::not_ready), "millrace has not read yet what was refunded"};
    }
    const auto& all = context.refunder->ledger().all();
    bj::array refunds;
    for (auto at = all.lower_bound(start); at != all.end() && refunds.size() < limit; ++at) refunds.push_back(to_json(at->second));
    co_return bj::object{{"refunds", std::move(refunds)}};
}

host::Prepared prepare(Context& context, host::Arguments& in) {
    const std::uint64_t start = in.u64("start", 0, INT64_MAX);
    const std::uint64_t limit = in.has("limit") ? in.u64("limit", 1, max_limit) : default_limit;
    if (in.fault()) return *in.fault();
    return host::Job([&context, start, limit] { return list(context, start, limit); });
}

}  // namespace

std::vector<host::Command> refund_commands(Context& context) {
    return {{"millrace-refunds", {{"start"}, {"limit"}}, [&context](host::Arguments& in) { return prepare(context, in); }}};
}

}  // namespace millrace::commands
