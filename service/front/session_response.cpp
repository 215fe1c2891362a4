// The final response on its way to the client.

#include "service/front/session.hpp"
#include "service/log/log.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::front {

// What has come of a chunked body is read before anything is charged or sent: a server that cannot be read gave no
// answer.
std::optional<http::Fault> Session::read_first_chunks() {
    Exchange& x = *exchange_;
    request_->first_chunks.reset();
    if (x.response.head().framing != http::Framing::chunked || x.from_upstream.empty()) return std::nullopt;
    x.response_payload.clear();
    request_->first_chunks = x.response.decode(x.from_upstream.view(), x.response_payload);
    if (!request_->first_chunks->bad) return std::nullopt;
    log::warn("service {}: the upstream sent chunks that cannot be read", service().name.text());
    return http::Fault{502, "The server behind this service sent an answer that cannot be read."};
}

// The next chunks in from_upstream, into response_payload.
http::ChunkProgress Session::read_chunks() {
    Exchange& x = *exchange_;
    if (request_->first_chunks) {
        const http::ChunkProgress first = *request_->first_chunks;
        request_->first_chunks.reset();
        return first;
    }
    x.response_payload.clear();
    return x.response.decode(x.from_upstream.view(), x.response_payload);
}

// Sends the final response, head and body. False: it broke off, and the connection cannot go on.
http::Awaitable<bool> Session::forward_response(upstream::UpstreamConnection& upstream, bool* reusable) {
    Exchange& x = *exchange_;
    const http::ResponseHead& head = x.response.head();
    http::Buffer& in = x.from_upstream;
    int version = x.request.head().version;
    relay::ClientFraming framing = relay::client_framing(head, version);
    if (framing == relay::ClientFraming::close || worker_.draining() || !sent_whole()) request_->keep_alive = false;
    relay::OwnFields own{request_->own_lines,      request_->receipt, service().cost_header,
                         request_->free_for_all(), worker_.date(),    !service().cors.empty()};
    append_client_head(head, framing, version, request_->keep_alive, own, x.to_client);
    unsigned status = head.status;
    http::Framing from = head.framing;
    std::uint64_t left = head.content_length;
    *reusable = head.keep_alive && from != http::Framing::until_eof && status != 101;
    request_->answered = true;
    if (status == 101) {
        leaving_.end();
        http::ErrorCode failed = co_await write_client(x.to_client, {});
        if (!failed) co_await tunnel(upstream.stream);
        request_->keep_alive = false;
        finish_request(101, Outcome::served);
        co_return true;
    }
    http::Stream::Reading reading = upstream.stream.reading();
    bool done = from == http::Framing::none;
    bool ended = false;  // by the server closing
    bool cut = false;    // nothing is left of the bytes that the token bought
    // What has no end of its own ends with the time that was bought.
    const std::optional<paywall::Time> end_of_time = relay::is_endless(head) ? request_->until : std::nullopt;
    for (;;) {
        std::string_view raw;
        std::size_t used = 0;
        if (!done && from == http::Framing::chunked) {
            http::ChunkProgress progress = read_chunks();
            if (progress.bad || (progress.used == 0 && in.size() > request_->site->config.limits.header)) break;
            used = progress.used;
            done = progress.done;
            if (request_->use) cut = co_await cut_payload(x.response_payload);
            if (request_->use && done) co_await settle_trailer(trailer_cost());
            if (framing == relay::ClientFraming::chunked)
                http::append_chunk(x.response_payload, x.to_client);
            else
                for (std::string_view piece : x.response_payload) x.to_client.append(piece);
        } else if (!done) {
            used = from == http::Framing::length ? static_cast<std::size_t>(std::min<std::uint64_t>(left, in.size()))
                                                 : in.size();
            raw = in.view().substr(0, used);
            left -= from == http::Framing::length ? used : 0;
            done = from == http::Framing::length ? left == 0 : ended;
            if (request_->use) {
                std::size_t allowed = co_await cover(raw.size());
                cut = allowed < raw.size();
                raw = raw.substr(0, allowed);
            }
            if (framing == relay::ClientFraming::chunked) {
                x.response_payload.assign(1, raw);
                http::append_chunk(x.response_payload, x.to_client);
                raw = {};
            }
        }
        done = done && !cut;
        if (done) end_use();
        if (done && framing == relay::ClientFraming::chunked) x.to_client.append(http::last_chunk);
        http::ErrorCode failed;
        std::string_view first = x.to_client;
        stream_.write_now(first, raw, failed);
        if (failed == http::asio::error::would_block) failed = co_await write_client(first, raw);
        in.consume(used);
        x.to_client.clear();
        if (failed) {
            leaving_.set_left();
            *reusable = false;
            finish_request(status, Outcome::served);
            co_return false;
        }
        if (cut) {
            *reusable = false;
            finish_request(status, Outcome::served);
            co_return false;
        }
        if (done) {
            if (!in.empty()) *reusable = false;  // the server sent more than it announced
            finish_request(status, Outcome::served);
            co_return true;
        }
        std::size_t room = 0;
        char* data = Exchange::prepare_body(in, &room);
        watch_.arm(patience_for(end_of_time), upstream.stream);
        http::ErrorCode broken = http::asio::error::operation_aborted;
        std::size_t count = 0;
        if (!leaving_.left()) std::tie(broken, count) = co_await reading.read_some(data, room);
        watch_.disarm();
        in.commit(count);
        leaving_.touch();
        const bool over = end_of_time && worker_.now() >= *end_of_time;
        if (over && framing == relay::ClientFraming::chunked) (void)co_await write_client(http::last_chunk, {});
        if (over || leaving_.left()) {
            *reusable = false;
            finish_request(status, Outcome::served);
            co_return false;
        }
        if (broken == http::asio::error::eof && from == http::Framing::until_eof)
            ended = true;
        else if (broken)
            break;
    }
    // The client sees the response end short of what was announced.
    log::warn("service {}: the upstream {} amid a response of {}", service().name.text(),
              watch_.expired() ? "fell silent" : "broke off", status);
    *reusable = false;
    finish_request(status, Outcome::upstream_error);
    co_return false;
}

// How long the upstream may be silent in a response.
std::chrono::milliseconds Session::patience_for(const std::optional<paywall::Time>& end_of_time) const {
    const std::chrono::milliseconds usual = request_->site->config.timeouts.body;
    if (!end_of_time) return usual;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*end_of_time - worker_.now());
    return std::clamp(left, std::chrono::milliseconds(0), usual);
}

}  // namespace millrace::front
