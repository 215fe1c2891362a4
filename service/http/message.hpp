// HTTP/1.1 messages (RFC 9112): the heads of requests and responses, and the framing of their bodies.
//
// The syntax of heads is read by Boost.Beast's basic_parser; on top of it everything is refused on which two servers
// could disagree where a message ends (RFC 9112 §6.3, §11.2), as well as obsolete line folding. Minor versions above 1
// are read as 1.1 (RFC 9110 §2.5). Views point into the bytes that were parsed: a reader keeps those that were pinned
// for it, until it reads another head or forgets this one.
#pragma once

#include <boost/beast/http/verb.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/http/buffer.hpp"
#include "service/http/chunk_decoder.hpp"
#include "service/http/header_line.hpp"

namespace millrace::http {

using Verb = boost::beast::http::verb;

enum class Framing {
    none,       // no body
    length,     // Content-Length bytes
    chunked,    // Transfer-Encoding: chunked
    until_eof,  // responses only: until the server closes
};

struct RequestHead {
    Verb verb = Verb::unknown;
    std::string_view method;
    std::string_view target;
    int version = 11;  // 10 or 11
    std::vector<HeaderLine> fields;
    std::string_view host;
    Framing framing = Framing::none;
    std::uint64_t content_length = 0;
    bool has_content_length = false;
    bool keep_alive = true;
    bool expect_continue = false;
    std::string_view upgrade;                          // "websocket" where that is asked for; any other offer is none
    std::vector<std::string_view> connection_options;  // tokens of Connection: fields that end at this hop
};

struct ResponseHead {
    unsigned status = 0;
    std::string_view reason;
    int version = 11;
    std::vector<HeaderLine> fields;
    Framing framing = Framing::none;
    std::uint64_t content_length = 0;
    bool has_content_length = false;
    bool keep_alive = true;
    std::vector<std::string_view> connection_options;
};

// The value of the first field of this name; empty where there is none.
[[nodiscard]] std::string_view field_value(const RequestHead& head, Field id);

// How long the server keeps the connection when it is idle, where its Keep-Alive says so ("timeout=5").
[[nodiscard]] std::optional<std::chrono::seconds> keep_alive_timeout(const ResponseHead& head);

// Why a message is refused.
struct Fault {
    unsigned status;          // what a client is answered
    std::string_view detail;  // literal text
};

struct HeadLimits {
    std::size_t head;
    std::size_t target;
};

// The length of a complete head at the beginning of `bytes`, its empty line included; 0 where it is not complete.
// `scanned` remembers between calls how far was looked; begin with 0.
[[nodiscard]] std::size_t find_head_end(std::string_view bytes, std::size_t& scanned);

class RequestReader {
  public:
    RequestReader();
    ~RequestReader();

    // `bytes` is exactly one head, which the reader keeps. On success head() is filled.
    [[nodiscard]] std::optional<Fault> parse(PinnedBytes bytes, const HeadLimits& limits);
    // The same of bytes that the caller keeps for as long as it looks at head().
    [[nodiscard]] std::optional<Fault> parse(std::string_view bytes, const HeadLimits& limits);
    [[nodiscard]] const RequestHead& head() const { return head_; }
    // Leaves an empty head, and lets its bytes go.
    void forget();
    // For a request that stands for another one. decode() goes on with the body of the one that was read.
    [[nodiscard]] RequestHead& amend() { return head_; }

    // Decodes chunks after a head with chunked framing. `payload` gets views into `bytes`; trailers are dropped.
    [[nodiscard]] ChunkProgress decode(std::string_view bytes, std::vector<std::string_view>& payload);

  private:
    class Parser;
    PinnedBytes bytes_;
    RequestHead head_;
    std::string altered_;
    std::unique_ptr<Parser> parser_;
    ChunkDecoder chunks_;
};

class ResponseReader {
  public:
    ResponseReader();
    ~ResponseReader();

    // `to_head`: the request was HEAD, so that no body follows whatever the fields say. Refuses statuses that no
    // class has (RFC 9110 §15): they are below 100 or above 599.
    [[nodiscard]] std::optional<Fault> parse(PinnedBytes bytes, const HeadLimits& limits, bool to_head);
    [[nodiscard]] std::optional<Fault> parse(std::string_view bytes, const HeadLimits& limits, bool to_head);
    [[nodiscard]] const ResponseHead& head() const { return head_; }
    void forget();
    [[nodiscard]] ChunkProgress decode(std::string_view bytes, std::vector<std::string_view>& payload);
    // Of the chunked body whose end was decoded; valid until its bytes are consumed.
    [[nodiscard]] const std::vector<HeaderLine>& trailers() const { return trailers_; }

  private:
    class Parser;
    PinnedBytes bytes_;
    ResponseHead head_;
    std::string altered_;
    std::vector<HeaderLine> trailers_;
    std::unique_ptr<Parser> parser_;
    ChunkDecoder chunks_;
};

}  // namespace millrace::http
