// millrace-refunds [start] [limit]
#include <boost/json/array.hpp>

#include "plugin/commands/commands.hpp"

namespace millrace::commands {
namespace {

namespace bj = boost::json;

boost::asio::awaitable<host::CommandReply> list(Context& context, Page page) {
    if (auto error = co_await until_ready(context)) co_return std::move(*error);
    if (!co_await context.refunder->until_loaded()) {
        co_return gateway::RpcError{static_cast<int>(gateway::RpcCode::not_ready),
                                    "millrace has not read yet what was refunded"};
    }
    const auto& all = context.refunder->ledger().all();
    bj::array refunds;
    for (auto at = all.lower_bound(page.start); at != all.end() && refunds.size() < page.limit; ++at)
        refunds.push_back(to_json(at->second));
    co_return bj::object{{"refunds", std::move(refunds)}};
}

host::Prepared prepare(Context& context, host::Arguments& in) {
    const Page page = read_page(in);
    if (in.fault()) return *in.fault();
    return host::Job([&context, page] { return list(context, page); });
}

}  // namespace

std::vector<host::Command> refund_commands(Context& context) {
    return {
        {"millrace-refunds", {{"start"}, {"limit"}}, [&context](host::Arguments& in) { return prepare(context, in); }}};
}

}  // namespace millrace::commands
