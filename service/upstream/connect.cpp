#include "service/upstream/connect.hpp"

#include <boost/asio/local/stream_protocol.hpp>

namespace millrace::upstream {

http::Awaitable<http::ErrorCode> resolve(http::Executor executor, const Target& target, http::Watch& watch,
                                         std::chrono::milliseconds timeout, Endpoints& out) {
    const config::UpstreamAddress& address = target.address;
    if (!address.socket.empty()) {
        out.emplace_back(http::asio::local::stream_protocol::endpoint(address.socket));
        co_return http::ErrorCode{};
    }
    http::ErrorCode not_numeric;
    auto numeric = http::asio::ip::make_address(address.host, not_numeric);
    if (!not_numeric) {
        out.emplace_back(http::asio::ip::tcp::endpoint(numeric, address.port));
        co_return http::ErrorCode{};
    }
    http::Resolver resolver(executor);
    watch.arm(timeout, resolver);
    std::string port = std::to_string(address.port);
    auto [failed, found] = co_await resolver.async_resolve(address.host, port, http::use_result);
    watch.disarm();
    if (!failed) {
        for (const auto& entry : found) out.emplace_back(entry.endpoint());
    }
    co_return failed;
}

http::Awaitable<http::ErrorCode> establish(http::Stream& stream, const http::Endpoint& endpoint, const Target& target,
                                           http::Watch& watch, std::chrono::milliseconds timeout) {
    watch.arm(timeout, stream);
    http::ErrorCode error = co_await stream.connect(endpoint);
    if (!error && target.tls) {
        stream.start_tls(*target.tls);
        stream.name_server(target.server_name);
        http::Stream::Reading reading = stream.reading();
        error = co_await reading.handshake(http::asio::ssl::stream_base::client);
    }
    watch.disarm();
    co_return error;
}

std::string why_not(const http::ErrorCode& error, const http::Watch& watch, http::Stream* stream) {
    if (watch.expired()) return "timed out";
    std::string distrust = stream ? stream->distrust() : std::string{};
    return distrust.empty() ? error.message() : error.message() + ": " + distrust;
}

}  // namespace millrace::upstream
