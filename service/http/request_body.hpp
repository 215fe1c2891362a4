// The body of one request as it comes out of the client's buffer: counts, decodes, and knows where it ends. No I/O.
//
// What chunks bring beside the payload (sizes, extensions, trailers: RFC 9112 §7.1) is bounded in proportion to it: 16
// bytes for each one of the payload, which a body in chunks of one byte needs, and 16 KiB in all beside that.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "service/http/buffer.hpp"
#include "service/http/message.hpp"

namespace millrace::http {

class RequestBody {
  public:
    static constexpr std::uint64_t framing_per_byte = 16;
    static constexpr std::uint64_t free_framing = 16 * 1024;

    // A new request. `limit` is the most bytes its body may have.
    void begin(const RequestHead& head, std::uint64_t limit);

    void reset() { done_ = true; }

    [[nodiscard]] bool done() const { return done_; }
    [[nodiscard]] bool chunked() const { return framing_ == Framing::chunked; }
    [[nodiscard]] std::uint64_t seen() const { return seen_; }

    enum class Step {
        good,
        bad_chunk,  // malformed, or framing without end
        too_large,
    };

    // Takes what there is in `from`: views of the payload, to be followed by from.consume(*used).
    [[nodiscard]] Step take(const Buffer& from, RequestReader& reader, std::vector<std::string_view>& payload,
                            std::size_t* used);

  private:
    Framing framing_ = Framing::none;
    std::uint64_t left_ = 0;
    std::uint64_t seen_ = 0;
    std::uint64_t framing_bytes_ = 0;  // of chunks, beside the payload
    std::uint64_t limit_ = 0;
    bool done_ = true;
};

// Appends `payload` as one chunk; nothing where it is empty, since an empty chunk ends a body.
void append_chunk(const std::vector<std::string_view>& payload, std::string& out);
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace millrace::http
