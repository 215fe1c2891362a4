// The body of a message with Transfer-Encoding: chunked (RFC 9112 §7.1), decoded piece by piece. No I/O.
//
//   body       := *chunk last-chunk *trailer CRLF
//   chunk      := size BWS [ ";" extension ] CRLF  size bytes of data  CRLF
//   last-chunk := "0" BWS [ ";" extension ] CRLF
//   size       := 1*16HEXDIG           BWS := *( SP / HTAB )
//   trailer    := token ":" value CRLF
//
// The white space behind a size is what servers in the wild send and what nginx and Go read; everything else is as
// strict as the grammar. How much of it may be no data is for the caller to say.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "service/http/header_line.hpp"

namespace millrace::http {

// How far decode() got.
struct ChunkProgress {
    std::size_t used = 0;  // bytes that are done with; the rest is to be offered again, with more behind it
    bool done = false;     // the body is complete, trailers included
    bool bad = false;
};

class ChunkDecoder {
  public:
    void reset() { *this = ChunkDecoder{}; }

    // `payload` gets views into `bytes`, behind what it holds; `trailers`, unless null, gets the trailer fields once
    // they are all there.
    [[nodiscard]] ChunkProgress decode(std::string_view bytes, std::vector<std::string_view>& payload,
                                       std::vector<HeaderLine>* trailers);

  private:
    enum class State { size, data, data_end, trailers, done, bad };

    // Each answers how many bytes of `rest` it took; none: more must come first, or state_ is bad.
    std::size_t take_size(std::string_view rest);
    std::size_t take_data(std::string_view rest, std::vector<std::string_view>& payload);
    std::size_t take_data_end(std::string_view rest);
    std::size_t take_trailers(std::string_view rest, std::vector<HeaderLine>* trailers);

    State state_ = State::size;
    std::uint64_t left_ = 0;  // of the chunk's data
};

}  // namespace millrace::http
