#include "contrib/simulator/node/signing.hpp"

#include "common/crypto/hash.hpp"
#include "common/crypto/secp256k1.hpp"
#include "contrib/simulator/node/receiver.hpp"
#include "tests/unit/catch.hpp"

namespace millrace::sim {
namespace {

// node-transcripts/rpc/createinvoice.json and decode-bolt11.json: what a real v26.06.6 wrote.
constexpr const char* real_invoice =
    "lnbcrt12340p1p4sq2vhsp5y6s736wydlnnn4wn0hf69yh0psmmm3m2scjyc6t0dwe9a4phagjspp55mr5zd7hycva2p88g8amw9mwur6j547uk3z9"
    "p2c3cec5fh0"
    "tudvqdq5fs6rqv3qv4uxzmtsd3jsxqzjccqp2rzjqvvr9d9ypsg9jus5s2pde24mde74hg7cn6c2avv04m5x4r8svzfhyqqqvuqqqqgqqqqqqqqpqq"
    "qqqzsqqc9qxpq"
    "ysgqmr2l2279w0vdxucwn85zpsar2f676wm3yzezp8tfxpfa74gm5h9q7jxdx45v0h6pjwxezpwwdlluhpvgyt5k8j40q9em4xp705nd8ecqn602j"
    "f";

SecretKey key() {
    return SecretKey(crypto::sha256(as_bytes("signing test")));
}

TEST_CASE("an invoice signed again differs in nothing but its signature") {
    const auto done = sign_again(real_invoice, key());
    REQUIRE(done);
    CHECK(done->invoice.payee == crypto::public_key(key()));
    const std::string_view text = done->text;
    // 104 words of signature and 6 of checksum at the end.
    CHECK(text.substr(0, text.size() - 110) == std::string_view(real_invoice).substr(0, text.size() - 110));
    const auto again = sign_again(done->text, key());
    REQUIRE(again);
    CHECK(again->text == done->text);
}

TEST_CASE("an invoice with a zero signature is signed") {
    bolt11::Invoice invoice = bolt11::decode(real_invoice).value();
    const auto done = sign_again(bolt11::encode_unsigned(invoice).value(), key());
    REQUIRE(done);
    CHECK(done->text == sign_again(real_invoice, key())->text);
}

TEST_CASE("the payment_metadata feature goes where there is no metadata") {
    bolt11::Invoice invoice = bolt11::decode(real_invoice).value();
    invoice.features = Bytes{0x02, 0, 0, 0x02, 0x02, 0x41, 0x00};
    const auto done = sign_again(bolt11::encode_unsigned(invoice).value(), key());
    REQUIRE(done);
    CHECK(done->invoice.features == Bytes{0x02, 0x02, 0x41, 0x00});
}

TEST_CASE("what is not an invoice is not signed") {
    for (const char* text : {"", "lnbcrt1", "hello"}) CHECK_FALSE(sign_again(text, key()));
}

TEST_CASE("lightningd's payment secret is the hash of the preimage with one bit flipped") {
    // decode-bolt11.json against createinvoice.json's preimage.
    const auto preimage =
        Preimage::from_hex("030cc71c91efe28d1a047d18a9735dce085f18f50e0f6ef6f62b9a455badc6cd").value();
    CHECK(invoice_secret(preimage).hex() == "26a1e8e9c46fe739d5d37dd3a292ef0c37bdc76a86244c696f6bb25ed437ea25");
}

}  // namespace
}  // namespace millrace::sim
