#include "service/http/stream.hpp"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/write.hpp>

#include "service/log/log.hpp"

namespace millrace::http {

namespace {

Awaitable<Stream::ReadResult> not_the_reader() {
    ErrorCode error = asio::error::in_progress;
    co_return Stream::ReadResult(error, 0);
}

Awaitable<Stream::ReadResult> read_tls(Stream::Tls& tls, char* data, std::size_t size) {
    co_return co_await tls.async_read_some(asio::buffer(data, size), use_result);
}

// Of asio's event loop, for our own.
int release(Socket& socket) {
    ErrorCode ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);  // a unix socket knows no delay
    return socket.release();
}

}  // namespace

Stream::Reading::Reading(Reading&& other) noexcept : stream_(std::exchange(other.stream_, nullptr)) {
    if (stream_) stream_->reading_ = this;
}

Stream::Reading::~Reading() {
    if (stream_) stream_->reading_ = nullptr;
}

Stream::Read Stream::Reading::read_some(char* data, std::size_t size) {
    if (!stream_) return Read(not_the_reader());
    if (stream_->tls_) return Read(read_tls(*stream_->tls_, data, size));
    return {stream_->socket_, data, size};
}

std::size_t Stream::Reading::read_now(char* data, std::size_t size, ErrorCode& error) {
    if (!stream_) {
        error = asio::error::in_progress;
        return 0;
    }
    if (stream_->tls_) {
        error = asio::error::would_block;
        return 0;
    }
    return stream_->socket_.read_now(data, size, error);
}

Stream::Read Stream::Reading::drop_some(char* data, std::size_t size) {
    if (!stream_) return Read(not_the_reader());
    return {stream_->socket_, data, size};
}

Awaitable<ErrorCode> Stream::Reading::handshake(asio::ssl::stream_base::handshake_type side) {
    if (!stream_) co_return asio::error::in_progress;
    auto [error] = co_await stream_->tls_->async_handshake(side, use_result);
    co_return error;
}

Awaitable<> Stream::Reading::end_tls() {
    if (stream_ && stream_->tls_) co_await stream_->tls_->async_shutdown(use_result);
}

Stream::Stream(Socket socket) : socket_(socket.get_executor(), release(socket)) {}

Stream::~Stream() {
    if (reading_) reading_->stream_ = nullptr;
}

Stream::Reading Stream::reading() {
    if (!reading_) return Reading(*this);
    log::critical("a second reader of one connection was refused: please report this");
    return Reading();
}

Awaitable<ErrorCode> Stream::connect(const Endpoint& endpoint) {
    ErrorCode error = socket_.connect_now(endpoint);
    if (error != asio::error::would_block) co_return error;
    const ErrorCode failed = co_await socket_.wait(PolledSocket::For::writing);
    co_return failed ? failed : socket_.connected();
}

void Stream::start_tls(asio::ssl::context& context) {
    tls_ = std::make_unique<Tls>(socket_, context);
}

void Stream::name_server(const std::string& host) {
    SSL* ssl = tls_->native_handle();
    X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    ErrorCode not_numeric;
    asio::ip::make_address(host, not_numeric);
    if (!not_numeric) {
        X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str());
        return;
    }
    X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size());
    // SSL_set_tlsext_host_name() is a macro with a C cast in it.
    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str()));
}

std::string Stream::distrust() const {
    long result = tls_ ? SSL_get_verify_result(tls_->native_handle()) : X509_V_OK;
    return result == X509_V_OK ? std::string{} : X509_verify_cert_error_string(result);
}

void Stream::write_now(std::string_view& first, std::string_view& second, ErrorCode& error) {
    error = {};
    if (tls_) {
        if (!first.empty() || !second.empty()) error = asio::error::would_block;
        return;
    }
    while (!first.empty() || !second.empty()) {
        std::array<iovec, 2> parts{};
        std::size_t count = 0;
        for (std::string_view part : {first, second}) {
            if (!part.empty()) parts.at(count++) = {const_cast<char*>(part.data()), part.size()};
        }
        const std::size_t sent = socket_.write_now({parts.data(), count}, error);
        if (error) return;
        std::size_t of_first = std::min(sent, first.size());
        first.remove_prefix(of_first);
        second.remove_prefix(sent - of_first);
    }
}

Awaitable<ErrorCode> Stream::write_rest(std::string_view first, std::string_view second) {
    if (tls_) {
        // One record for a small head and its body.
        constexpr std::size_t record = 16 * 1024;
        std::string joined;
        if (!second.empty() && first.size() + second.size() <= record) {
            joined.reserve(first.size() + second.size());
            joined.append(first).append(second);
            first = joined;
            second = {};
        }
        for (std::string_view part : {first, second}) {
            if (part.empty()) continue;
            auto buffer = asio::buffer(part);
            auto [error, sent] = co_await asio::async_write(*tls_, buffer, use_result);
            if (error) co_return error;
        }
        co_return ErrorCode{};
    }
    for (;;) {
        ErrorCode error;
        write_now(first, second, error);
        if (error != asio::error::would_block) co_return error;
        const ErrorCode failed = co_await socket_.wait(PolledSocket::For::writing);
        if (failed) co_return failed;
    }
}

void Stream::cancel() {
    socket_.cancel();
}

void Stream::shutdown_send() {
    socket_.shutdown(SHUT_WR);
}

void Stream::shutdown() {
    socket_.shutdown(SHUT_RDWR);
}

void Stream::close() {
    socket_.close();
}

}  // namespace millrace::http
