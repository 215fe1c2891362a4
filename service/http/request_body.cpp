#include "service/http/request_body.hpp"

#include <algorithm>
#include <charconv>

namespace millrace::http {

void RequestBody::begin(const RequestHead& head, std::uint64_t limit) {
    framing_ = head.framing;
    left_ = head.content_length;
    seen_ = framing_bytes_ = 0;
    limit_ = limit;
    done_ = framing_ == Framing::none;
}

RequestBody::Step RequestBody::take(const Buffer& from, RequestReader& reader, std::vector<std::string_view>& payload,
                                    std::size_t* used) {
    *used = 0;
    payload.clear();
    if (done_ || from.empty()) return Step::good;
    if (framing_ == Framing::length) {
        *used = static_cast<std::size_t>(std::min<std::uint64_t>(left_, from.size()));
        payload.push_back(from.view().substr(0, *used));
        left_ -= *used;
        done_ = left_ == 0;
    } else {
        ChunkProgress progress = reader.decode(from.view(), payload);
        if (progress.bad) return Step::bad_chunk;
        *used = progress.used;
        done_ = progress.done;
        // The line of a chunk's size, or the trailers, that nobody has seen the end of yet.
        if (!done_ && *used == 0 && from.size() > free_framing) return Step::bad_chunk;
    }
    std::uint64_t size = 0;
    for (std::string_view piece : payload) size += piece.size();
    seen_ += size;
    framing_bytes_ += *used - size;
    if (framing_bytes_ > free_framing + framing_per_byte * seen_) return Step::bad_chunk;
    return seen_ > limit_ ? Step::too_large : Step::good;
}

void append_chunk(const std::vector<std::string_view>& payload, std::string& out) {
    std::size_t size = 0;
    for (std::string_view piece : payload) size += piece.size();
    if (size == 0) return;
    char digits[16];
    auto [end, errc] = std::to_chars(digits, digits + sizeof digits, size, 16);
    (void)errc;
    out.append(digits, end).append("\r\n");
    for (std::string_view piece : payload) out.append(piece);
    out.append("\r\n");
}

}  // namespace millrace::http
