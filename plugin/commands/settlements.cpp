// millrace-settlements [start] [limit]
#include <boost/json/array.hpp>

#include "plugin/commands/commands.hpp"

namespace millrace::commands {
namespace {

namespace bj = boost::json;

constexpr std::uint64_t default_limit = 100;
constexpr std::uint64_t max_limit = 1000;

boost::asio::awaitable<host::CommandReply> list(Context& context, std::uint64_t start, std::uint64_t limit) {
    if (auto error = co_await until_ready(context)) co_return std::move(*error);
    const auto page = co_await context.settlements->read(start, limit);
    if (!page) co_return node_failed(page.error());
    bj::array settlements;
    for (const gateway::Settlement& settlement : page->settlements) settlements.push_back(to_json(settlement));
    co_return bj::object{{"settlements", std::move(settlements)}};
}

host::Prepared prepare(Context& context, host::Arguments& in) {
    const std::uint64_t start = in.u64("start", 0, INT64_MAX);
    const std::uint64_t limit = in.has("limit") ? in.u64("limit", 1, max_limit) : default_limit;
    if (in.fault()) return *in.fault();
    return host::Job([&context, start, limit] { return list(context, start, limit); });
}

}  // namespace

std::vector<host::Command> settlement_commands(Context& context) {
    return {{"millrace-settlements", {{"start"}, {"limit"}}, [&context](host::Arguments& in) { return prepare(context, in); }}};
}

}  // namespace millrace::commands
