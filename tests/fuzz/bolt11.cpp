// BOLT 11: any text, and any fields behind a checksum and a signature that hold. What is read can be written again and
// is then read as the same.
#include "common/bolt11/invoice.hpp"

#include "common/codec/bech32.hpp"
#include "common/codec/hex.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace {
namespace {

using bolt11::Invoice;

const SecretKey& signing_key() {
    // BOLT 11's own.
    static const SecretKey key =
        *SecretKey::from_hex("e126f68f7eafcc8b74f54d269fe206be715000f94dac067d1c04a8ca3b2db734");
    return key;
}

void require_same(const Invoice& left, const Invoice& right) {
    FUZZ_REQUIRE(left.currency == right.currency);
    FUZZ_REQUIRE(left.amount == right.amount);
    FUZZ_REQUIRE(left.timestamp == right.timestamp);
    FUZZ_REQUIRE(left.payment_hash == right.payment_hash);
    FUZZ_REQUIRE(left.payment_secret == right.payment_secret);
    FUZZ_REQUIRE(left.description == right.description);
    FUZZ_REQUIRE(left.expiry == right.expiry);
    FUZZ_REQUIRE(left.min_final_cltv == right.min_final_cltv);
    FUZZ_REQUIRE(left.payment_metadata == right.payment_metadata);
    FUZZ_REQUIRE(left.fallbacks == right.fallbacks);
    FUZZ_REQUIRE(left.routes == right.routes);
    FUZZ_REQUIRE(left.features == right.features);
}

void check(std::string_view text) {
    const Result<Invoice> invoice = bolt11::decode(text);
    if (!invoice) {
        FUZZ_REQUIRE(!invoice.error().message.empty());
        return;
    }
    FUZZ_REQUIRE(!invoice->amount || (invoice->amount->value() > 0 && invoice->amount->value() <= Msat::max_value));
    FUZZ_REQUIRE(invoice->expires_at() >= invoice->timestamp);
    const Result<std::string> again = bolt11::encode_signed(*invoice, signing_key());
    FUZZ_REQUIRE(again);
    const Result<Invoice> read = bolt11::decode(*again);
    FUZZ_REQUIRE(read);
    require_same(*read, *invoice);
    FUZZ_REQUIRE(bolt11::encode_signed(*read, signing_key()).value() == *again);
    FUZZ_REQUIRE(bolt11::encode_unsigned(*invoice));
}

// A signature of some key over anything: with it, recovery mostly succeeds.
Bytes some_signature() {
    static const crypto::RecoverableSignature signature =
        crypto::sign_recoverable(signing_key(), crypto::sha256(as_bytes("any")));
    Bytes bytes(signature.compact.begin(), signature.compact.end());
    bytes.push_back(signature.recovery_id);
    return codec::to_words(bytes);
}

}  // namespace
}  // namespace millrace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace millrace;
    fuzz::Input input(data, size);
    if (input.byte() != '*') {
        check(std::string_view(reinterpret_cast<const char*>(data), size));
        return 0;
    }
    // "*" prefix LF groups: the fields themselves, each byte one group of five bits.
    const std::string_view prefix = input.line();
    for (const char c : prefix) {
        if (c < 33 || c > 126 || (c >= 'A' && c <= 'Z')) return 0;
    }
    Bytes words;
    for (const std::uint8_t byte : input.rest()) words.push_back(byte & 31U);
    const Bytes signature = some_signature();
    words.insert(words.end(), signature.begin(), signature.end());
    check(codec::encode_bech32(prefix, words));
    return 0;
}
