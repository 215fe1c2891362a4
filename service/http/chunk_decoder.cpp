#include "service/http/chunk_decoder.hpp"

#include <algorithm>
#include <charconv>

#include "common/codec/field_value.hpp"

namespace millrace::http {
namespace {

using codec::trim;

constexpr std::size_t max_digits = 16;
constexpr std::size_t max_trailers = 200;

// RFC 9110 §5.6.2.
bool is_token(std::string_view text) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    auto good = [others](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               others.find(c) != std::string_view::npos;
    };
    return !text.empty() && std::all_of(text.begin(), text.end(), good);
}

// Of an extension or a field's value: no control characters.
bool is_text(std::string_view text) {
    auto good = [](char c) { return static_cast<unsigned char>(c) >= ' ' || c == '\t'; };
    return std::all_of(text.begin(), text.end(), good) && text.find('\x7f') == std::string_view::npos;
}

enum class Line { whole, incomplete, bad };

// The line at the beginning of `bytes`, without its CRLF. A line feed alone ends no line.
Line first_line(std::string_view bytes, std::string_view* line) {
    const std::size_t feed = bytes.find('\n');
    if (feed == std::string_view::npos) return Line::incomplete;
    if (feed == 0 || bytes[feed - 1] != '\r') return Line::bad;
    *line = bytes.substr(0, feed - 1);
    return Line::whole;
}

}  // namespace

ChunkProgress ChunkDecoder::decode(std::string_view bytes, std::vector<std::string_view>& payload,
                                   std::vector<HeaderLine>* trailers) {
    ChunkProgress progress;
    while (state_ != State::done && state_ != State::bad) {
        const std::string_view rest = bytes.substr(progress.used);
        std::size_t taken = 0;
        switch (state_) {
            case State::size:
                taken = take_size(rest);
                break;
            case State::data:
                taken = take_data(rest, payload);
                break;
            case State::data_end:
                taken = take_data_end(rest);
                break;
            case State::trailers:
                taken = take_trailers(rest, trailers);
                break;
            case State::done:
            case State::bad:
                break;
        }
        progress.used += taken;
        if (taken == 0) break;
    }
    progress.done = state_ == State::done;
    progress.bad = state_ == State::bad;
    return progress;
}

std::size_t ChunkDecoder::take_size(std::string_view rest) {
    std::string_view line;
    const Line found = first_line(rest, &line);
    // What cannot become a size is not waited for.
    const std::string_view begun = found == Line::whole ? line : rest.substr(0, rest.find('\n'));
    if (begun.empty() && found == Line::incomplete) return 0;
    std::uint64_t size = 0;
    const auto [end, errc] = std::from_chars(begun.data(), begun.data() + begun.size(), size, 16);
    const auto digits = static_cast<std::size_t>(end - begun.data());
    if (errc != std::errc{} || digits > max_digits || found == Line::bad) {
        state_ = State::bad;
        return 0;
    }
    if (found == Line::incomplete) return 0;
    const std::string_view behind = trim(line.substr(digits));
    if ((!behind.empty() && behind.front() != ';') || !is_text(behind)) {
        state_ = State::bad;
        return 0;
    }
    left_ = size;
    state_ = size > 0 ? State::data : State::trailers;
    return line.size() + 2;
}

std::size_t ChunkDecoder::take_data(std::string_view rest, std::vector<std::string_view>& payload) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size()));
    if (size == 0) return 0;
    payload.push_back(rest.substr(0, size));
    left_ -= size;
    if (left_ == 0) state_ = State::data_end;
    return size;
}

std::size_t ChunkDecoder::take_data_end(std::string_view rest) {
    constexpr std::string_view wanted = "\r\n";
    if (rest.substr(0, 2) != wanted.substr(0, std::min<std::size_t>(rest.size(), 2))) state_ = State::bad;
    if (state_ == State::bad || rest.size() < 2) return 0;
    state_ = State::size;
    return 2;
}

// All of them at once, so that views of them are views of the same bytes.
std::size_t ChunkDecoder::take_trailers(std::string_view rest, std::vector<HeaderLine>* trailers) {
    std::size_t taken = 0;
    std::size_t count = 0;
    for (;;) {
        std::string_view line;
        const Line found = first_line(rest.substr(taken), &line);
        if (found == Line::incomplete) {
            if (trailers) trailers->clear();
            return 0;
        }
        const std::size_t colon = line.find(':');
        const bool good = line.empty() || (colon != std::string_view::npos && is_token(line.substr(0, colon)) &&
                                           is_text(line.substr(colon)) && count < max_trailers);
        if (found == Line::bad || !good) {
            state_ = State::bad;
            return 0;
        }
        taken += line.size() + 2;
        if (line.empty()) break;
        ++count;
        const std::string_view name = line.substr(0, colon);
        const Field id = boost::beast::http::string_to_field({name.data(), name.size()});
        if (trailers) trailers->push_back({id, name, trim(line.substr(colon + 1))});
    }
    state_ = State::done;
    return taken;
}

}  // namespace millrace::http
