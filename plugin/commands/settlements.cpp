// millrace-settlements [start] [limit]
#include <boost/json/array.hpp>

#include "plugin/commands/commands.hpp"

namespace millrace::commands {
namespace {

namespace bj = boost::json;

boost::asio::awaitable<host::CommandReply> list(Context& context, Page page) {
    if (auto error = co_await until_ready(context)) co_return std::move(*error);
    const auto read = co_await context.settlements->read(page.start, page.limit);
    if (!read) co_return node_failed(read.error());
    bj::array settlements;
    for (const gateway::Settlement& settlement : read->settlements) settlements.push_back(to_json(settlement));
    co_return bj::object{{"settlements", std::move(settlements)}};
}

host::Prepared prepare(Context& context, host::Arguments& in) {
    const Page page = read_page(in);
    if (in.fault()) return *in.fault();
    return host::Job([&context, page] { return list(context, page); });
}

}  // namespace

std::vector<host::Command> settlement_commands(Context& context) {
    return {{"millrace-settlements", {{"start"}, {"limit"}}, [&context](host::Arguments& in) {
                 return prepare(context, in);
             }}};
}

}  // namespace millrace::commands
