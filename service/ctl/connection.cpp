#include "service/ctl/connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace millrace {

const char* ErrcText<ctl::Errc>::text(ctl::Errc errc) {
    switch (errc) {
        case ctl::Errc::bad_url:
            return "not the URL of an admin API";
        case ctl::Errc::unreachable:
            return "millraced cannot be reached";
        case ctl::Errc::broken:
            return "the answer of millraced is not complete";
    }
    return "unknown";
}

namespace ctl {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using asio::local::stream_protocol;

namespace {

constexpr auto awaited = asio::as_tuple(asio::use_awaitable);
constexpr std::uint64_t max_body = 64ULL * 1024 * 1024;

using HttpRequest = beast::http::request<beast::http::string_body>;

template <class Protocol>
using Stream = beast::basic_stream<Protocol>;

// Sends over a stream that is connected.
template <class Protocol>
asio::awaitable<Result<Reply>> exchange(Stream<Protocol>& stream, HttpRequest& request) {
    auto [unsent, written] = co_await beast::http::async_write(stream, request, awaited);
    if (unsent) co_return fail(Errc::broken, unsent.message());
    beast::flat_buffer buffer;
    beast::http::response_parser<beast::http::string_body> parser;
    parser.body_limit(max_body);
    auto [failed, count] = co_await beast::http::async_read(stream, buffer, parser, awaited);
    if (failed) co_return fail(Errc::broken, failed.message());
    auto& answer = parser.get();
    co_return Reply{answer.result_int(), std::string(answer[beast::http::field::content_type]),
                    std::move(answer.body())};
}

asio::awaitable<Result<Reply>> over_socket(const Place& place, HttpRequest& request) {
    Stream<stream_protocol> stream(co_await asio::this_coro::executor);
    stream.expires_after(place.patience);
    constexpr std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;
    if (place.socket.size() > longest)
        co_return fail(Errc::unreachable, place.socket + ": the path is longer than a socket's may be");
    stream_protocol::endpoint endpoint(place.socket);
    auto [failed] = co_await stream.async_connect(endpoint, awaited);
    if (failed) co_return fail(Errc::unreachable, place.socket + ": " + failed.message());
    Result<Reply> reply = co_await exchange(stream, request);
    co_return reply;
}

asio::awaitable<Result<Reply>> over_tcp(const Place& place, HttpRequest& request) {
    auto executor = co_await asio::this_coro::executor;
    boost::urls::url_view url = *boost::urls::parse_uri(place.url);
    std::string host(url.host_address());
    std::string port = url.has_port() ? std::string(url.port()) : "80";
    tcp::resolver resolver(executor);
    auto [unknown, addresses] = co_await resolver.async_resolve(host, port, awaited);
    if (unknown) co_return fail(Errc::unreachable, place.url + ": " + unknown.message());
    Stream<tcp> stream(executor);
    stream.expires_after(place.patience);
    auto [failed, endpoint] = co_await stream.async_connect(addresses, awaited);
    if (failed) co_return fail(Errc::unreachable, place.url + ": " + failed.message());
    Result<Reply> reply = co_await exchange(stream, request);
    co_return reply;
}

asio::awaitable<void> run(const Place& place, HttpRequest& request, Result<Reply>& out) {
    if (place.socket.empty())
        out = co_await over_tcp(place, request);
    else
        out = co_await over_socket(place, request);
}

}  // namespace

std::string fault_of_url(const std::string& text) {
    auto url = boost::urls::parse_uri(text);
    bool bare =
        url && url->encoded_path().size() <= 1 && !url->has_query() && !url->has_fragment() && !url->has_userinfo();
    if (bare && url->scheme() == "http" && !url->encoded_host().empty()) return {};
    return "must be http://, a host and a port, such as http://127.0.0.1:9403";
}

Result<Reply> ask(const Place& place, const Request& wanted) {
    HttpRequest request{beast::http::string_to_verb(wanted.method), wanted.target, 11};
    request.set(beast::http::field::host, "localhost");
    if (place.socket.empty()) {
        if (std::string fault = fault_of_url(place.url); !fault.empty()) return fail(Errc::bad_url, fault);
        request.set(beast::http::field::host, boost::urls::parse_uri(place.url)->encoded_host_and_port());
    }
    request.set(beast::http::field::user_agent, "millrace-ctl/" MILLRACE_VERSION);
    request.set(beast::http::field::accept, "application/json");
    if (!place.token.reveal().empty()) request.set(beast::http::field::authorization, "Bearer " + place.token.reveal());
    if (!wanted.body.empty()) request.set(beast::http::field::content_type, "application/json");
    request.body() = wanted.body;
    request.prepare_payload();

    asio::io_context context(1);
    Result<Reply> out = fail(Errc::broken);
    asio::co_spawn(context, run(place, request, out), asio::detached);
    context.run();
    return out;
}

}  // namespace ctl
}  // namespace millrace
