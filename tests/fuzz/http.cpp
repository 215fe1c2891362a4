// HTTP/1.1 messages on their way through the proxy. "Q" and a request, or "R" and a response ("r": to HEAD): what the
// proxy sends on is read, by the same rules, as one message with the same framing; nothing of the credential goes on.
#include <algorithm>
#include <string>
#include <vector>

#include "common/l402/credential.hpp"
#include "service/http/message.hpp"
#include "service/paywall/request_target.hpp"
#include "service/relay/header_rules.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace {
namespace {

using namespace http;
using namespace relay;

constexpr HeadLimits limits{64 * 1024, 16 * 1024};

struct Body {
    std::string payload;
    std::size_t used = 0;
    bool done = false;
    bool bad = false;
    bool operator==(const Body&) const = default;
};

// Decodes `bytes` as they come in steps of `step`, what was not used up being offered again.
template <class Reader>
Body decode(Reader& reader, std::string_view bytes, std::size_t step) {
    Body out;
    std::size_t arrived = 0;
    while (!out.done && !out.bad && arrived < bytes.size()) {
        arrived = std::min(bytes.size(), arrived + step);
        std::vector<std::string_view> payload;
        const ChunkProgress progress = reader.decode(bytes.substr(out.used, arrived - out.used), payload);
        FUZZ_REQUIRE(progress.used <= arrived - out.used);
        for (const std::string_view piece : payload) out.payload += piece;
        out.used += progress.used;
        out.done = progress.done;
        out.bad = progress.bad;
    }
    return out;
}

bool named(const HeaderLine& line, std::string_view name) {
    return line.name.size() == name.size() &&
           std::equal(name.begin(), name.end(), line.name.begin(),
                      [](char want, char c) { return want == (c >= 'A' && c <= 'Z' ? c + 32 : c); });
}

void check_request(std::string_view message) {
    std::size_t scanned = 0;
    const std::size_t end = find_head_end(message, scanned);
    if (end == 0) return;
    RequestReader reader;
    if (const std::optional<Fault> fault = reader.parse(message.substr(0, end), limits)) {
        FUZZ_REQUIRE(fault->status >= 400 && fault->status < 600 && !fault->detail.empty());
        return;
    }
    const RequestHead head = reader.head();
    FUZZ_REQUIRE(head.version == 10 || head.version == 11);
    FUZZ_REQUIRE((head.framing == Framing::length) == (head.content_length > 0));
    FUZZ_REQUIRE(!(head.framing == Framing::chunked && head.has_content_length));

    paywall::RequestTarget target;
    std::string host;
    if (paywall::parse_target(head.target, target) != nullptr || !paywall::parse_host(head.host, host)) return;
    paywall::RequestTarget again;
    FUZZ_REQUIRE(paywall::parse_target(target.forward, again) == nullptr);
    FUZZ_REQUIRE(again.path == target.path && again.forward == target.forward);
    FUZZ_REQUIRE(again.readings.has_value() == target.readings.has_value());
    if (target.readings) FUZZ_REQUIRE(again.readings->others.size() == target.readings->others.size());
    FUZZ_REQUIRE(target.path == "*" || target.path.starts_with('/'));

    std::vector<l402::HeaderField> fields;
    for (const HeaderLine& line : head.fields) fields.emplace_back(line.name, line.value);
    (void)l402::find_credential(fields);

    std::string token_lines = token_header_lines(l402::Identifier{}, "weather");
    ForwardFacts facts;
    facts.target = target.forward;
    facts.host = head.host;
    facts.client = "127.0.0.1";
    facts.token_headers = token_lines;
    std::string sent;
    append_upstream_head(head, facts, sent);
    std::size_t sent_scanned = 0;
    FUZZ_REQUIRE(find_head_end(sent, sent_scanned) == sent.size());
    RequestReader upstream;
    const HeadLimits larger{256 * 1024, 64 * 1024};
    const std::optional<Fault> refused = upstream.parse(sent, larger);
    // Fields are added, so that a head at the limit of their number may not be read again.
    if (refused && refused->status == 431) return;
    FUZZ_REQUIRE(!refused);
    FUZZ_REQUIRE(upstream.head().method == head.method);
    FUZZ_REQUIRE(upstream.head().target == target.forward);
    FUZZ_REQUIRE(upstream.head().host == head.host);
    FUZZ_REQUIRE(upstream.head().framing == head.framing);
    FUZZ_REQUIRE(upstream.head().content_length == head.content_length);
    std::size_t ours = 0;
    for (const HeaderLine& line : upstream.head().fields) {
        FUZZ_REQUIRE(!(l402::is_credential_header(line.name) && !named(line, "authorization")));
        FUZZ_REQUIRE(!(named(line, "authorization") && is_l402_authorization(line.value)));
        ours += named(line, "x-l402-token-id") + named(line, "x-l402-payment-hash") + named(line, "x-l402-service");
    }
    FUZZ_REQUIRE(ours == 3);

    if (head.framing != Framing::chunked) return;
    const std::string_view rest = message.substr(end);
    const Body whole = decode(reader, rest, std::max<std::size_t>(rest.size(), 1));
    RequestReader slow;
    FUZZ_REQUIRE(!slow.parse(message.substr(0, end), limits));
    const Body bytewise = decode(slow, rest, 1);
    FUZZ_REQUIRE(whole.done == bytewise.done);
    if (whole.done) FUZZ_REQUIRE(whole == bytewise);
}

void check_response(std::string_view message, bool to_head) {
    std::size_t scanned = 0;
    const std::size_t end = find_head_end(message, scanned);
    if (end == 0) return;
    ResponseReader reader;
    if (const std::optional<Fault> fault = reader.parse(message.substr(0, end), limits, to_head)) {
        FUZZ_REQUIRE(fault->status == 502 && !fault->detail.empty());
        return;
    }
    const ResponseHead head = reader.head();
    for (const int version : {10, 11}) {
        const ClientFraming framing = client_framing(head, version);
        FUZZ_REQUIRE(!(version == 10 && framing == ClientFraming::chunked));
        std::string sent;
        append_client_head(head, framing, version, framing != ClientFraming::close, {}, sent);
        std::size_t sent_scanned = 0;
        FUZZ_REQUIRE(find_head_end(sent, sent_scanned) == sent.size());
        ResponseReader client;
        const HeadLimits larger{256 * 1024, 64 * 1024};
        const std::optional<Fault> refused = client.parse(sent, larger, to_head);
        if (refused && refused->detail == "The head is too large.") continue;
        FUZZ_REQUIRE(!refused);
        FUZZ_REQUIRE(client.head().status == head.status);
        const Framing expected = framing == ClientFraming::length    ? Framing::length
                                 : framing == ClientFraming::chunked ? Framing::chunked
                                 : framing == ClientFraming::close   ? Framing::until_eof
                                                                     : Framing::none;
        const bool bodiless = to_head || head.status / 100 == 1 || head.status == 204 || head.status == 304;
        if (!bodiless) FUZZ_REQUIRE(client.head().framing == expected || head.framing == Framing::none);
    }
    if (head.framing != Framing::chunked) return;
    const std::string_view rest = message.substr(end);
    const Body whole = decode(reader, rest, std::max<std::size_t>(rest.size(), 1));
    ResponseReader slow;
    FUZZ_REQUIRE(!slow.parse(message.substr(0, end), limits, to_head));
    const Body bytewise = decode(slow, rest, 1);
    FUZZ_REQUIRE(whole.done == bytewise.done);
    if (whole.done) FUZZ_REQUIRE(whole == bytewise);
}

}  // namespace
}  // namespace millrace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace millrace;
    fuzz::Input input(data, size);
    const std::uint8_t kind = input.byte();
    if (kind == 'Q') check_request(input.rest_text());
    if (kind == 'R' || kind == 'r') check_response(input.rest_text(), kind == 'r');
    return 0;
}
