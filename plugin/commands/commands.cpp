#include "plugin/commands/commands.hpp"

namespace millrace::commands {

boost::asio::awaitable<std::optional<gateway::RpcError>> until_ready(Context& context) {
    constexpr std::chrono::seconds patience{10};
    const bool ready = co_await context.ready->wait(patience);
    if (ready) co_return std::nullopt;
    co_return gateway::RpcError{static_cast<int>(gateway::RpcCode::not_ready),
                                "millrace is still starting: lightningd has not handed out its keys yet"};
}

Page read_page(host::Arguments& in) {
    constexpr std::uint64_t max_limit = 1000;
    Page page;
    page.start = in.u64("start", 0, INT64_MAX);
    if (in.has("limit")) page.limit = in.u64("limit", 1, max_limit);
    return page;
}

gateway::RpcError node_failed(const Error& error) {
    return {static_cast<int>(gateway::RpcCode::node_failed), error.message};
}

}  // namespace millrace::commands
