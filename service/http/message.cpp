#include "service/http/message.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <charconv>

#include "common/codec/ascii.hpp"
#include "common/codec/field_value.hpp"

namespace millrace::http {
namespace {

using codec::for_each_element;
using codec::iequals;

namespace beast = boost::beast;
using boost::optional;
using BeastError = beast::error_code;

constexpr std::size_t max_fields = 200;
// Each field of a message is compared with each of them.
constexpr std::size_t max_connection_options = 32;

std::string_view view(beast::string_view text) {
    return {text.data(), text.size()};
}

// What Beast is lenient about: folded lines and line feeds without a carriage return.
std::optional<Fault> check_lines(std::string_view head) {
    std::size_t at = 0;
    for (std::size_t lf = head.find('\n', at); lf != std::string_view::npos; lf = head.find('\n', at)) {
        if (lf == 0 || head[lf - 1] != '\r')
            return Fault{400, "A line of the head ends in a line feed without a carriage return."};
        at = lf + 1;
        if (at < head.size() && (head[at] == ' ' || head[at] == '\t'))
            return Fault{400, "A header field is folded over two lines."};
    }
    return std::nullopt;
}

std::optional<std::uint64_t> parse_length(std::string_view text) {
    std::uint64_t value = 0;
    if (text.empty() || text.size() > 18 || text.front() == '+' || text.front() == '-') return std::nullopt;
    auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (errc != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// What the fields say about framing and connection, for requests and responses alike.
struct Framed {
    unsigned lengths = 0;
    unsigned options = 0;  // of Connection
    unsigned transfer_encodings = 0;
    bool chunked = false;
    bool close = false;
    bool keep_alive = false;
    bool upgrade = false;
};

template <class Head>
std::optional<Fault> read_framing(Head& head, Framed& framed) {
    for (const HeaderLine& line : head.fields) {
        switch (line.id) {
            case Field::content_length: {
                if (++framed.lengths > 1) return Fault{400, "More than one Content-Length."};
                auto length = parse_length(line.value);
                if (!length) return Fault{400, "Content-Length is not a number."};
                head.content_length = *length;
                head.has_content_length = true;
                break;
            }
            case Field::transfer_encoding:
                if (++framed.transfer_encodings > 1) return Fault{400, "More than one Transfer-Encoding."};
                framed.chunked = iequals(line.value, "chunked");
                if (!framed.chunked) return Fault{501, "A Transfer-Encoding other than chunked."};
                break;
            case Field::connection:
            case Field::proxy_connection:
                for_each_element(line.value, [&](std::string_view option) {
                    if (++framed.options > max_connection_options) return;
                    if (line.id == Field::connection) head.connection_options.push_back(option);
                    framed.close = framed.close || iequals(option, "close");
                    framed.keep_alive = framed.keep_alive || iequals(option, "keep-alive");
                    framed.upgrade = framed.upgrade || iequals(option, "upgrade");
                });
                if (framed.options > max_connection_options)
                    return Fault{400, "Connection has more than 32 options: send only those that this hop needs."};
                break;
            default:
                break;
        }
    }
    if (framed.chunked && framed.lengths > 0) return Fault{400, "Both Content-Length and Transfer-Encoding."};
    if (framed.chunked && head.version < 11) return Fault{400, "Transfer-Encoding in an HTTP/1.0 message."};
    head.keep_alive = head.version >= 11 ? !framed.close : framed.keep_alive && !framed.close;
    return std::nullopt;
}

// The protocol of an Upgrade field that is passed on; empty where it has none. RFC 9110 §7.8: what is offered may be
// ignored, and the request is served as if it had not been. HTTP/2 ("h2c", which Java's client and curl offer with any
// request) would carry requests past the paywall inside the tunnel; of others nobody knows what they carry.
std::string_view served_upgrade(std::string_view offered) {
    constexpr std::string_view served = "websocket";
    std::string_view found;
    for_each_element(offered, [&](std::string_view protocol) {
        if (iequals(protocol, served)) found = protocol;
    });
    return found;
}

std::optional<Fault> read_request_fields(RequestHead& head) {
    Framed framed;
    if (auto fault = read_framing(head, framed)) return fault;
    unsigned hosts = 0;
    for (const HeaderLine& line : head.fields) {
        if (line.id == Field::host) {
            ++hosts;
            head.host = line.value;
        } else if (line.id == Field::expect) {
            if (!iequals(line.value, "100-continue")) return Fault{417, "An expectation other than 100-continue."};
            head.expect_continue = head.version >= 11;
        } else if (line.id == Field::upgrade && framed.upgrade && head.version >= 11) {
            std::string_view served = served_upgrade(line.value);
            if (!served.empty()) head.upgrade = served;
        }
    }
    if (hosts > 1) return Fault{400, "More than one Host."};
    if (hosts == 0 && head.version >= 11) return Fault{400, "No Host."};
    head.framing = framed.chunked ? Framing::chunked : head.content_length > 0 ? Framing::length : Framing::none;
    return std::nullopt;
}

std::optional<Fault> read_response_fields(ResponseHead& head, bool to_head) {
    Framed framed;
    if (auto fault = read_framing(head, framed)) return Fault{502, fault->detail};
    bool bodiless = to_head || head.status / 100 == 1 || head.status == 204 || head.status == 304;
    if (bodiless)
        head.framing = Framing::none;
    else if (framed.chunked)
        head.framing = Framing::chunked;
    else if (head.has_content_length)
        head.framing = head.content_length > 0 ? Framing::length : Framing::none;
    else
        head.framing = Framing::until_eof;
    return std::nullopt;
}

Fault fault_of(const BeastError& code) {
    using E = beast::http::error;
    if (code == E::bad_method) return {400, "The method is malformed."};
    if (code == E::bad_target) return {400, "The request target is malformed."};
    if (code == E::bad_version) return {505, "The HTTP version is not 1.0 or 1.1, nor a later 1.x."};
    if (code == E::bad_field) return {400, "The name of a header field is malformed."};
    if (code == E::bad_value) return {400, "The value of a header field is malformed."};
    if (code == E::bad_content_length || code == E::multiple_content_length)
        return {400, "Content-Length is malformed, repeated or contradicted."};
    if (code == E::bad_transfer_encoding) return {400, "Transfer-Encoding is repeated, or comes with Content-Length."};
    if (code == E::header_limit) return {431, "The head is too large."};
    return {400, "The head is malformed."};
}

// The bytes with the minor version 1 where it is a higher one; `altered` keeps them then.
std::string_view as_known_version(std::string_view bytes, std::string& altered) {
    constexpr std::string_view name = "HTTP/1.";
    const std::string_view line = bytes.substr(0, bytes.find('\r'));
    const std::size_t at = line.starts_with(name) ? 0 : line.size() >= 8 ? line.size() - 8 : 0;
    if (line.substr(at, name.size()) != name || line.size() <= at + name.size()) return bytes;
    const char minor = line[at + name.size()];
    if (minor < '2' || minor > '9') return bytes;
    altered.assign(bytes);
    altered[at + name.size()] = '1';
    return altered;
}

// Beast's parser with the fields of the head collected.
template <bool IsRequest, class Head>
class Collector : public beast::http::basic_parser<IsRequest> {
    using Base = beast::http::basic_parser<IsRequest>;

  public:
    explicit Collector(Head& head) : head_(head) {}

  private:
    void on_request_impl(beast::http::verb verb, beast::string_view method, beast::string_view target, int version,
                         BeastError&) override {
        if constexpr (IsRequest) {
            head_.verb = verb;
            head_.method = view(method);
            head_.target = view(target);
            head_.version = version;
        }
    }
    void on_response_impl(int status, beast::string_view reason, int version, BeastError&) override {
        if constexpr (!IsRequest) {
            head_.status = static_cast<unsigned>(status);
            head_.reason = view(reason);
            head_.version = version;
        }
    }
    void on_field_impl(Field id, beast::string_view name, beast::string_view value, BeastError& error) override {
        if (head_.fields.size() >= max_fields)
            error = beast::http::error::header_limit;
        else
            head_.fields.push_back({id, view(name), view(value)});
    }
    void on_header_impl(BeastError&) override {}
    void on_body_init_impl(const optional<std::uint64_t>&, BeastError&) override {}
    std::size_t on_body_impl(beast::string_view body, BeastError&) override { return body.size(); }
    void on_chunk_header_impl(std::uint64_t, beast::string_view, BeastError&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, BeastError&) override { return body.size(); }
    void on_finish_impl(BeastError&) override {}

    Head& head_;
};

template <class Head>
void clear(Head& head) {
    // Keeps the vectors' memory.
    auto fields = std::move(head.fields);
    auto options = std::move(head.connection_options);
    fields.clear();
    options.clear();
    head = Head{};
    head.fields = std::move(fields);
    head.connection_options = std::move(options);
}

template <class Parser>
std::optional<Fault> parse_head(Parser& parser, std::string_view bytes, const HeadLimits& limits) {
    if (auto fault = check_lines(bytes)) return fault;
    parser.header_limit(static_cast<std::uint32_t>(limits.head) + 1);
    parser.body_limit(boost::none);
    BeastError error;
    std::size_t used = parser.put({bytes.data(), bytes.size()}, error);
    if (error) return fault_of(error);
    if (used != bytes.size() || !parser.is_header_done()) return Fault{400, "The head is malformed."};
    return std::nullopt;
}

}  // namespace

std::string_view field_value(const RequestHead& head, Field id) {
    for (const HeaderLine& line : head.fields) {
        if (line.id == id) return line.value;
    }
    return {};
}

std::optional<std::chrono::seconds> keep_alive_timeout(const ResponseHead& head) {
    constexpr std::string_view name = "timeout=";
    constexpr std::uint64_t longest_kept = 3600;  // seconds; what is longer is as good
    std::optional<std::chrono::seconds> out;
    for (const HeaderLine& line : head.fields) {
        if (line.id != Field::keep_alive) continue;
        for_each_element(line.value, [&](std::string_view element) {
            if (element.size() <= name.size() || !iequals(element.substr(0, name.size()), name)) return;
            if (auto seconds = parse_length(element.substr(name.size())))
                out = std::chrono::seconds(std::min<std::uint64_t>(*seconds, longest_kept));
        });
    }
    return out;
}

std::size_t find_head_end(std::string_view bytes, std::size_t& scanned) {
    std::size_t from = scanned > 3 ? scanned - 3 : 0;
    std::size_t end = bytes.find("\r\n\r\n", from);
    if (end == std::string_view::npos) {
        scanned = bytes.size();
        return 0;
    }
    return end + 4;
}

class RequestReader::Parser : public std::optional<Collector<true, RequestHead>> {};
class ResponseReader::Parser : public std::optional<Collector<false, ResponseHead>> {};

RequestReader::RequestReader() : parser_(std::make_unique<Parser>()) {}
RequestReader::~RequestReader() = default;

void RequestReader::forget() {
    clear(head_);
    bytes_ = {};
}

std::optional<Fault> RequestReader::parse(PinnedBytes bytes, const HeadLimits& limits) {
    forget();
    bytes_ = std::move(bytes);
    return parse(bytes_.view(), limits);
}

std::optional<Fault> RequestReader::parse(std::string_view bytes, const HeadLimits& limits) {
    clear(head_);
    chunks_.reset();
    parser_->emplace(head_);
    std::optional<Fault> fault = parse_head(**parser_, as_known_version(bytes, altered_), limits);
    if (head_.target.size() > limits.target) return Fault{414, "The request target is too long."};
    if (fault) return fault;
    return read_request_fields(head_);
}

ChunkProgress RequestReader::decode(std::string_view bytes, std::vector<std::string_view>& payload) {
    return chunks_.decode(bytes, payload, nullptr);
}

ResponseReader::ResponseReader() : parser_(std::make_unique<Parser>()) {}
ResponseReader::~ResponseReader() = default;

void ResponseReader::forget() {
    clear(head_);
    trailers_.clear();
    bytes_ = {};
}

std::optional<Fault> ResponseReader::parse(PinnedBytes bytes, const HeadLimits& limits, bool to_head) {
    forget();
    bytes_ = std::move(bytes);
    return parse(bytes_.view(), limits, to_head);
}

std::optional<Fault> ResponseReader::parse(std::string_view bytes, const HeadLimits& limits, bool to_head) {
    clear(head_);
    trailers_.clear();
    chunks_.reset();
    parser_->emplace(head_);
    if (to_head) (*parser_)->skip(true);
    if (auto fault = parse_head(**parser_, as_known_version(bytes, altered_), limits)) return Fault{502, fault->detail};
    if (head_.status < 100 || head_.status > 599) return Fault{502, "The status is not valid."};
    return read_response_fields(head_, to_head);
}

ChunkProgress ResponseReader::decode(std::string_view bytes, std::vector<std::string_view>& payload) {
    return chunks_.decode(bytes, payload, &trailers_);
}

}  // namespace millrace::http
