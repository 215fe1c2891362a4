#include "plugin/invoicing/onion_payload.hpp"

#include "common/codec/hex.hpp"
#include "common/codec/tlv.hpp"
#include "tests/unit/catch.hpp"

namespace millrace::invoicing {
namespace {

Bytes bytes(std::string_view hex) {
    return codec::from_hex(hex).value();
}

PaymentSecret secret_of(std::string_view hex) {
    return PaymentSecret::from_hex(hex).value();
}

const std::string secret = "cd26a74c07c23f582ec4530df65e2aecdf295c23461f076c0e90dcbdb069394d";
const std::string other(64, 'e');

TEST_CASE("lightningd's secret of a stored invoice is the hash of the preimage with its lowest bit flipped") {
    // SHA256 of 32 bytes: 01 00 .. 00, the preimage of all zeros with the bit flipped.
    CHECK(stored_invoice_secret(Preimage{}).hex() ==
          "01d0fabd251fcbbe2b93b4b927b26ad2a1a99077152e45ded1e678afa45dbec5");
}

TEST_CASE("the secret in TLV 8 is replaced and the length in front dropped") {
    // As lightningd v26.06.6 shows the payload of a final hop.
    const Bytes shown = bytes(
        "2f020402faf08004017708"
        "24" +
        secret + "02faf080");
    CHECK(codec::to_hex(replace_payment_secret(shown, secret_of(secret), secret_of(other)).value()) ==
          "020402faf08004017708"
          "24" +
              other + "02faf080");
}

TEST_CASE("payment_metadata goes, everything else stays in ascending order") {
    struct {
        const char* name;
        std::string in, out;
    } const cases[] = {
        {"metadata behind",
         "020103"
         "0820" +
             secret + "1002cafe",
         "020103"
         "0820" +
             other},
        {"odd types of others",
         "0101aa"
         "0820" +
             secret +
             "1001ff"
             "fe00010001"
             "01bb",
         "0101aa"
         "0820" +
             other +
             "fe00010001"
             "01bb"},
        {"total of eight bytes", "0828" + secret + "0102030405060708", "0828" + other + "0102030405060708"},
    };
    for (const auto& one : cases) {
        INFO(one.name);
        Bytes shown;
        codec::append_bigsize(shown, one.in.size() / 2);
        const Bytes stream = bytes(one.in);
        shown.insert(shown.end(), stream.begin(), stream.end());
        CHECK(codec::to_hex(replace_payment_secret(shown, secret_of(secret), secret_of(other)).value()) == one.out);
    }
}

TEST_CASE("a payload of more than 252 bytes has a longer length in front") {
    const std::string stream = "0820" + secret + "fdfffffa" + std::string(2 * 250, 'a');
    REQUIRE(stream.size() / 2 == 0x120);
    CHECK(
        codec::to_hex(replace_payment_secret(bytes("fd0120" + stream), secret_of(secret), secret_of(other)).value()) ==
        "0820" + other + "fdfffffa" + std::string(2 * 250, 'a'));
    CHECK_FALSE(replace_payment_secret(bytes("fd011f" + stream), secret_of(secret), secret_of(other)));
}

TEST_CASE("a payload that is not what it should be is refused") {
    const std::pair<const char*, std::string> cases[] = {
        {"empty", ""},
        {"shorter than it says",
         "22"
         "0820" +
             secret.substr(2)},
        {"longer than it says",
         "21"
         "0820" +
             secret},
        {"not ascending",
         "25"
         "0820" +
             secret + "020103"},
        {"no payment_data",
         "03"
         "020103"},
        {"payment_data too short",
         "21"
         "081f" +
             secret.substr(2)},
        {"another secret",
         "22"
         "0820" +
             other},
    };
    for (const auto& [name, hex] : cases) {
        INFO(name);
        CHECK_FALSE(replace_payment_secret(bytes(hex), secret_of(secret), secret_of(std::string(64, 'd'))));
    }
}

}  // namespace
}  // namespace millrace::invoicing
