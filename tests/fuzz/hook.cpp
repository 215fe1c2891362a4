// lightningd's stream, and the `htlc_accepted` call in it. The stream is cut into the same messages wherever the reads
// end; the quick look at a message agrees with a full parse; an onion payload that is rewritten stays one.
#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <string>
#include <vector>

#include "common/codec/tlv.hpp"
#include "plugin/host/envelope.hpp"
#include "plugin/host/frame_reader.hpp"
#include "plugin/invoicing/acceptor.hpp"
#include "plugin/invoicing/onion_payload.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace {
namespace {

namespace bj = boost::json;

std::vector<std::string> frames_of(std::string_view stream, std::size_t step) {
    host::FrameReader reader;
    std::vector<std::string> out;
    while (!stream.empty()) {
        const std::size_t count = std::min(step, stream.size());
        const std::span<char> space = reader.prepare(count);
        FUZZ_REQUIRE(space.size() >= count);
        std::copy_n(stream.begin(), count, space.begin());
        reader.commit(count);
        stream.remove_prefix(count);
        while (const std::optional<std::string_view> message = reader.next()) out.emplace_back(*message);
    }
    return out;
}

std::size_t occurrences(std::string_view text, std::string_view what) {
    std::size_t count = 0;
    for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++count;
    return count;
}

// Of valid JSON the quick look says what a parser says.
void check_envelope(std::string_view message) {
    const std::optional<host::Envelope> envelope = host::scan_envelope(message);
    (void)host::lacks_payment_secret(message);
    boost::system::error_code broken;
    const bj::value value = bj::parse(bj::string_view(message.data(), message.size()), broken);
    if (broken || message.find('\\') != std::string_view::npos) return;  // lightningd escapes neither names nor methods
    const bj::object* members = value.if_object();
    FUZZ_REQUIRE(members != nullptr || !envelope);
    if (!envelope) return;
    FUZZ_REQUIRE(!envelope->method.empty());
    // A repeated member is lightningd's to avoid: the two readers keep another one of them.
    if (occurrences(message, "\"method\"") > 1) return;
    const bj::value* method = members->if_contains("method");
    FUZZ_REQUIRE(method != nullptr && method->is_string() &&
                 std::string_view(method->get_string()) == envelope->method);
    if (occurrences(message, "\"id\"") > 1) return;  // or it may be one of the params
    const bj::value* id = members->if_contains("id");
    FUZZ_REQUIRE((id == nullptr) == envelope->id.empty());
    if (id != nullptr) FUZZ_REQUIRE(bj::parse(bj::string_view(envelope->id.data(), envelope->id.size())) == *id);
}

void check_payload(const invoicing::HtlcFacts& facts) {
    const PaymentSecret replacement(std::array<std::uint8_t, 32>{9, 9, 9});
    const Result<Bytes> rewritten = invoicing::replace_payment_secret(facts.payload, facts.payment_secret, replacement);
    if (!rewritten) return;
    const Result<codec::TlvStream> records = codec::decode_tlv(*rewritten);
    FUZZ_REQUIRE(records);
    bool replaced = false;
    for (const codec::TlvRecord& record : *records) {
        FUZZ_REQUIRE(record.type != 16);  // payment_metadata
        if (record.type != 8) continue;
        replaced = record.value.size() >= 32 &&
                   std::equal(replacement.view().begin(), replacement.view().end(), record.value.begin());
    }
    FUZZ_REQUIRE(replaced);
}

void check_call(std::string_view message) {
    boost::system::error_code broken;
    const bj::value value = bj::parse(bj::string_view(message.data(), message.size()), broken);
    const bj::object* members = broken ? nullptr : value.if_object();
    const bj::value* params = members == nullptr ? nullptr : members->if_contains("params");
    if (params == nullptr) return;
    const Result<invoicing::HtlcFacts> facts = invoicing::parse_htlc(*params);
    if (!facts) return;
    if (message.find('\\') == std::string_view::npos) FUZZ_REQUIRE(!host::lacks_payment_secret(message));
    check_payload(*facts);

    // No foreign HTLC is taken for ours.
    static const invoicing::InvoiceKeys keys{SecretKey{}};
    static const invoicing::KeyEpochs epochs;
    static const invoicing::InvoiceStyle style{"bcrt", {}, 18};
    invoicing::Acceptor acceptor(keys, epochs, style, *facts, std::nullopt);
    const auto now = std::chrono::sys_seconds(std::chrono::seconds(1'700'000'000));
    FUZZ_REQUIRE(std::holds_alternative<invoicing::PassOn>(acceptor.begin(now)));
}

}  // namespace
}  // namespace millrace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace millrace;
    const std::string_view stream(reinterpret_cast<const char*>(data), size);
    const std::vector<std::string> messages = frames_of(stream, std::max<std::size_t>(size, 1));
    FUZZ_REQUIRE(frames_of(stream, 1) == messages);
    FUZZ_REQUIRE(frames_of(stream, 7) == messages);
    for (const std::string& message : messages) {
        FUZZ_REQUIRE(!message.empty() && message.find_first_of(" \t\r\n") != 0);
        check_envelope(message);
        check_call(message);
    }
    (void)invoicing::KeyEpochs::parse(stream);
    return 0;
}
