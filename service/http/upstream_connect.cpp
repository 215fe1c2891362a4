#include "service/http/upstream_connect.hpp"

#include <boost/asio/local/stream_protocol.hpp>

namespace millrace::http {

Awaitable<ErrorCode> resolve(Executor executor, const upstream::Target& target, Watch& watch,
                             std::chrono::milliseconds timeout, Endpoints& out) {
    const config::UpstreamAddress& address = target.address;
    if (!address.socket.empty()) {
        out.emplace_back(asio::local::stream_protocol::endpoint(address.socket));
        co_return ErrorCode{};
    }
    ErrorCode not_numeric;
    auto numeric = asio::ip::make_address(address.host, not_numeric);
    if (!not_numeric) {
        out.emplace_back(asio::ip::tcp::endpoint(numeric, address.port));
        co_return ErrorCode{};
    }
    Resolver resolver(executor);
    watch.arm(timeout, resolver);
    std::string port = std::to_string(address.port);
    auto [failed, found] = co_await resolver.async_resolve(address.host, port, use_result);
    watch.disarm();
    if (!failed) {
        for (const auto& entry : found) out.emplace_back(entry.endpoint());
    }
    co_return failed;
}

Awaitable<ErrorCode> establish(Stream& stream, const Endpoint& endpoint, const upstream::Target& target, Watch& watch,
                               std::chrono::milliseconds timeout) {
    watch.arm(timeout, stream);
    ErrorCode error = co_await stream.connect(endpoint);
    if (!error && target.tls) {
        stream.start_tls(*target.tls);
        stream.name_server(target.server_name);
        Stream::Reading reading = stream.reading();
        error = co_await reading.handshake(asio::ssl::stream_base::client);
    }
    watch.disarm();
    co_return error;
}

std::string why_not(const ErrorCode& error, const Watch& watch, Stream* stream) {
    if (watch.expired()) return "timed out";
    std::string distrust = stream ? stream->distrust() : std::string{};
    return distrust.empty() ? error.message() : error.message() + ": " + distrust;
}

}  // namespace millrace::http
