#include "plugin/commands/commands.hpp"

namespace millrace::commands {

boost::asio::awaitable<std::optional<gateway::RpcError>> until_ready(Context& context) {
    constexpr std::chrono::seconds patience{10};
    const bool ready = co_await context.ready->wait(patience);
    if (ready) co_return std::nullopt;
    co_return gateway::RpcError{static_cast<int>(gateway::RpcCode::not_ready),
                                "millrace is still starting: lightningd has not handed out its keys yet"};
}

gateway::RpcError node_failed(const Error& error) {
    return {static_cast<int>(gateway::RpcCode::node_failed), error.message};
}

}  // namespace millrace::commands
