#include "service/upstream/fetch.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>

#include "service/http/answer_reader.hpp"
#include "service/http/buffer.hpp"
#include "service/http/message.hpp"
#include "service/upstream/connect.hpp"

namespace millrace::upstream {
namespace {

constexpr std::size_t max_head = 64 * 1024;
constexpr std::size_t read_size = 4096;

// Takes what there is of the body out of `in`.
enum class Progress { more, done, bad };
Progress take_body(http::ResponseReader& reader, http::Buffer& in, bool ended, std::size_t max, std::string& body) {
    const http::ResponseHead& head = reader.head();
    bool done = head.framing == http::Framing::none;
    if (head.framing == http::Framing::chunked) {
        std::vector<std::string_view> payload;
        http::ChunkProgress progress = reader.decode(in.view(), payload);
        if (progress.bad || (progress.used == 0 && in.size() > max_head)) return Progress::bad;
        for (std::string_view piece : payload) body.append(piece);
        in.consume(progress.used);
        done = progress.done;
    } else if (!done) {
        std::size_t left = in.size();
        if (head.framing == http::Framing::length)
            left = static_cast<std::size_t>(std::min<std::uint64_t>(left, head.content_length - body.size()));
        body.append(in.view().substr(0, left));
        in.consume(left);
        done = head.framing == http::Framing::length ? body.size() == head.content_length : ended;
    }
    if (body.size() > max) return Progress::bad;
    return done ? Progress::done : Progress::more;
}

}  // namespace

std::chrono::milliseconds time_left(std::chrono::steady_clock::time_point deadline) {
    auto left = deadline - std::chrono::steady_clock::now();
    return std::max(std::chrono::milliseconds(1), std::chrono::duration_cast<std::chrono::milliseconds>(left));
}

http::Awaitable<Fetched> fetch(http::Stream& stream, std::string_view request, http::Watch& watch, FetchLimits limits) {
    Fetched out;
    watch.arm(time_left(limits.deadline), stream);
    http::ErrorCode failed = co_await stream.write_rest(request, {});
    http::Stream::Reading reading = stream.reading();
    http::Buffer in;
    http::ResponseReader reader;
    http::AnswerReader answer({max_head, max_head}, limits.head_only, false);
    bool has_head = false;
    bool ended = false;  // by the server closing
    while (!failed) {
        if (!has_head) {
            http::AnswerReader::Step step = http::AnswerReader::Step::interim;
            while (step == http::AnswerReader::Step::interim) step = answer.next(in, reader);
            if (step == http::AnswerReader::Step::bad) out.fault = answer.fault();
            has_head = step == http::AnswerReader::Step::final;
            if (has_head) {
                out.status = reader.head().status;
                out.in_1_0 = reader.head().version < 11;
                if (!limits.head_only && reader.head().content_length > limits.body)
                    out.fault = "sent an answer that is too long";
                out.reusable = out.fault.empty() && reader.head().keep_alive;
            }
            if (!out.fault.empty() || (has_head && limits.head_only)) break;
        }
        if (has_head) {
            Progress progress = take_body(reader, in, ended, limits.body, out.body);
            if (progress == Progress::bad) out.fault = "sent an answer that is too long or malformed";
            if (progress != Progress::more) break;
            if (ended) out.fault = "broke off its answer";
            if (ended) break;
        }
        std::size_t room = 0;
        char* data = in.prepare(read_size, &room);
        auto [broken, count] = co_await reading.read_some(data, room);
        in.commit(count);
        if (count > 0) out.nothing_came = false;
        if (broken == http::asio::error::eof && has_head)
            ended = true;
        else
            failed = broken;
    }
    watch.disarm();
    if (failed) {
        out.fault = why_not(failed, watch, nullptr);
        out.timed_out = watch.expired();
    }
    out.reusable = out.reusable && out.fault.empty() && !ended && in.empty();
    co_return out;
}

}  // namespace millrace::upstream
