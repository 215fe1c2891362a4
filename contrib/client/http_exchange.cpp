#include "contrib/client/http_exchange.hpp"

#include <openssl/ssl.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <optional>

#include "common/codec/ascii.hpp"

namespace millrace {

const char* ErrcText<client::HttpErrc>::text(client::HttpErrc errc) {
    switch (errc) {
        case client::HttpErrc::bad_url:
            return "this URL cannot be asked for";
        case client::HttpErrc::unreachable:
            return "the server cannot be reached";
        case client::HttpErrc::broken:
            return "the answer of the server is not complete";
        case client::HttpErrc::bad_ca_file:
            return "the certificates of --ca-file cannot be read";
    }
    return "unknown";
}

}  // namespace millrace

namespace millrace::client {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using asio::ip::tcp;

namespace {

constexpr auto awaited = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t max_head = 64 * 1024;  // bytes
constexpr unsigned max_interim = 100;          // answers before the final one
constexpr std::size_t piece = 64 * 1024;       // bytes of a body handed on at once

beast::tcp_stream& transport(beast::tcp_stream& stream) {
    return stream;
}
beast::tcp_stream& transport(beast::ssl_stream<beast::tcp_stream>& stream) {
    return stream.next_layer();
}

template <class Stream>
class Exchange final : public HttpExchange {
  public:
    template <class... Arguments>
    explicit Exchange(std::shared_ptr<ssl::context> context, std::chrono::seconds timeout, Arguments&&... arguments)
        : context_(std::move(context)), timeout_(timeout), stream_(std::forward<Arguments>(arguments)...) {}

    Stream& stream() { return stream_; }

    asio::awaitable<Result<void>> send(const HttpRequest& request, const Target& target) {
        http::request<http::string_body> message;
        message.version(11);
        message.method_string(request.method);
        message.target(target.resource);
        message.set(http::field::host, target.authority);
        message.set(http::field::user_agent, "millrace-get/" MILLRACE_VERSION);
        message.set(http::field::connection, "close");
        for (const auto& [name, value] : request.headers) {
            const bool ours = codec::iequals(name, "Host") || codec::iequals(name, "User-Agent");
            if (ours) message.erase(name);
            message.insert(name, value);
        }
        message.body() = request.body;
        const bool has_body = !request.body.empty() || request.method == "POST" || request.method == "PUT";
        if (has_body) message.set(http::field::content_length, std::to_string(request.body.size()));

        const bool without_body = request.method == "HEAD";
        begin_answer(without_body);
        transport(stream_).expires_after(timeout_);
        // A server may answer (402) before it has read the body and then close: its answer counts, not the failed
        // write.
        auto [not_sent, sent] = co_await http::async_write(stream_, message, awaited);
        transport(stream_).expires_after(timeout_);
        for (unsigned interim = 0;; ++interim) {
            auto [not_read, read] = co_await http::async_read_header(stream_, buffer_, *parser_, awaited);
            if (not_read) co_return fail(HttpErrc::broken, (not_sent ? not_sent : not_read).message());
            const unsigned status = parser_->get().result_int();
            if (status >= 200) break;
            if (status == 101)
                co_return fail(HttpErrc::broken, "the server switched protocols, which nobody asked for");
            if (interim == max_interim) co_return fail(HttpErrc::broken, "interim answers do not end");
            begin_answer(without_body);
            transport(stream_).expires_after(timeout_);
        }

        const auto& answer = parser_->get();
        head_.status = static_cast<int>(answer.result_int());
        head_.reason = std::string(answer.reason());
        for (const auto& field : answer) head_.headers.emplace_back(field.name_string(), field.value());
        co_return Result<void>();
    }

    asio::awaitable<Result<void>> read_body(Sink sink) override {
        std::vector<char> piece_of_body(piece);
        while (!parser_->is_done()) {
            parser_->get().body().data = piece_of_body.data();
            parser_->get().body().size = piece_of_body.size();
            transport(stream_).expires_after(timeout_);
            auto [failed, read] = co_await http::async_read_some(stream_, buffer_, *parser_, awaited);
            const std::size_t got = piece_of_body.size() - parser_->get().body().size;
            if (got > 0 && !sink({piece_of_body.data(), got})) co_return Result<void>();
            if (failed == http::error::need_buffer) continue;
            if (failed) co_return fail(HttpErrc::broken, failed.message());
        }
        co_return Result<void>();
    }

  private:
    // A parser reads one answer; what came behind it stays in the buffer.
    void begin_answer(bool without_body) {
        parser_.emplace();
        parser_->skip(without_body);
        parser_->header_limit(max_head);
        parser_->body_limit(boost::none);
    }

    std::shared_ptr<ssl::context> context_;
    std::chrono::seconds timeout_;
    Stream stream_;
    beast::flat_buffer buffer_;
    std::optional<http::response_parser<http::buffer_body>> parser_;
};

asio::awaitable<Result<void>> connect(beast::tcp_stream& stream, const Target& target, std::chrono::seconds timeout) {
    tcp::resolver resolver(stream.get_executor());
    auto [unknown, addresses] = co_await resolver.async_resolve(target.host, target.port, awaited);
    if (unknown) co_return fail(HttpErrc::unreachable, target.authority + ": " + unknown.message());
    stream.expires_after(timeout);
    auto [refused, endpoint] = co_await stream.async_connect(addresses, awaited);
    if (refused) co_return fail(HttpErrc::unreachable, target.authority + ": " + refused.message());
    co_return Result<void>();
}

}  // namespace

std::vector<std::string> HttpHead::values(std::string_view name) const {
    std::vector<std::string> found;
    for (const auto& [field, value] : headers) {
        if (codec::iequals({field.data(), field.size()}, name)) found.push_back(value);
    }
    return found;
}

asio::awaitable<Result<std::unique_ptr<HttpExchange>>> HttpExchange::open(asio::any_io_executor executor, Target target,
                                                                          HttpRequest request, HttpSettings settings) {
    using Opened = Result<std::unique_ptr<HttpExchange>>;
    if (!target.tls) {
        auto plain = std::make_unique<Exchange<beast::tcp_stream>>(nullptr, settings.timeout, executor);
        if (auto connected = co_await connect(plain->stream(), target, settings.timeout); !connected) {
            co_return Opened(connected.error());
        }
        if (auto sent = co_await plain->send(request, target); !sent) co_return Opened(sent.error());
        co_return Opened(std::unique_ptr<HttpExchange>(std::move(plain)));
    }

    boost::system::error_code failed;
    auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    context->set_verify_mode(ssl::verify_peer, failed);
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    if (settings.ca_file.empty()) {
        context->set_default_verify_paths(failed);
    } else {
        context->load_verify_file(settings.ca_file, failed);
    }
    if (failed) co_return Opened(fail(HttpErrc::bad_ca_file, failed.message()));

    using TlsStream = beast::ssl_stream<beast::tcp_stream>;
    auto secure = std::make_unique<Exchange<TlsStream>>(context, settings.timeout, executor, *context);
    if (auto connected = co_await connect(secure->stream().next_layer(), target, settings.timeout); !connected) {
        co_return Opened(connected.error());
    }
    // What SSL_set_tlsext_host_name does, without its C casts.
    SSL_ctrl(secure->stream().native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             target.host.data());
    secure->stream().set_verify_callback(ssl::host_name_verification(target.host), failed);
    secure->stream().next_layer().expires_after(settings.timeout);
    auto [refused] = co_await secure->stream().async_handshake(ssl::stream_base::client, awaited);
    if (refused) co_return Opened(fail(HttpErrc::unreachable, target.authority + ": " + refused.message()));
    if (auto sent = co_await secure->send(request, target); !sent) co_return Opened(sent.error());
    co_return Opened(std::unique_ptr<HttpExchange>(std::move(secure)));
}

}  // namespace millrace::client
