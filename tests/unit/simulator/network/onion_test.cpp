#include "contrib/simulator/network/onion.hpp"

#include "common/codec/hex.hpp"
#include "contrib/simulator/network/failure.hpp"
#include "tests/unit/catch.hpp"

namespace millrace::sim {
namespace {

Bytes hex(std::string_view text) {
    return codec::from_hex(text).value();
}

TEST_CASE("payloads are written as a real node shows them to its hooks") {
    // From node-transcripts/plugin/htlc_accepted-final.json and -forward.json.
    HopPayload last;
    last.forward = Msat(50'000'000);
    last.outgoing_cltv = 119;
    last.payment_data =
        PaymentData{PaymentSecret::from_hex("cd26a74c07c23f582ec4530df65e2aecdf295c23461f076c0e90dcbdb069394d").value(),
                    Msat(50'000'000)};
    CHECK(codec::to_hex(with_length(encode_payload(last))) ==
          "2f020402faf0800401770824cd26a74c07c23f582ec4530df65e2aecdf295c23461f076c0e90dcbdb069394d02faf080");
    HopPayload middle;
    middle.forward = Msat(1'000'000'000);
    middle.outgoing_cltv = 127;
    middle.next = ShortChannelId(103, 2, 0);
    CHECK(codec::to_hex(with_length(encode_payload(middle))) == "1302043b9aca0004017f06080000670000020000");
}

TEST_CASE("a payload that was written is read back, unknown odd records included") {
    HopPayload payload;
    payload.forward = Msat(1);
    payload.outgoing_cltv = 700'000;
    payload.payment_data = PaymentData{PaymentSecret(), Msat(3)};
    payload.metadata = hex("0102");
    payload.extra = {{5, hex("aa")}, {1001, hex("")}};
    BadPayload bad;
    const auto read = decode_payload(encode_payload(payload), bad);
    REQUIRE(read);
    CHECK(read->forward == Msat(1));
    CHECK(read->outgoing_cltv == 700'000);
    CHECK_FALSE(read->next);
    CHECK(read->payment_data->total == Msat(3));
    CHECK(read->metadata == hex("0102"));
    REQUIRE(read->extra.size() == 2);
    CHECK(read->extra[1].type == 1001);
    CHECK(encode_payload(*read) == encode_payload(payload));
}

struct BadCase {
    const char* what;
    const char* text;
    std::uint64_t type;
};

TEST_CASE("payloads that BOLT 4 forbids are refused with the type at fault") {
    const BadCase cases[] = {
        {"an unknown even type",
         "020101040101"
         "1401aa",
         20},
        {"no amount", "040101", 2},
        {"no cltv", "020101", 4},
        {"an amount with a leading zero",
         "02020001"
         "040101",
         2},
        {"a channel id of seven bytes",
         "020101"
         "040101"
         "060700000000000000",
         6},
        {"payment_data without a whole secret",
         "020101"
         "040101"
         "0801aa",
         8},
        {"not TLV", "02", 0},
    };
    for (const BadCase& tested : cases) {
        INFO(tested.what);
        BadPayload bad;
        CHECK_FALSE(decode_payload(hex(tested.text), bad));
        CHECK(bad.type == tested.type);
    }
}

TEST_CASE("failure messages have BOLT 4's bytes") {
    // node-transcripts/rpc/waitsendpay-unknown-hash-error.json
    CHECK(codec::to_hex(unknown_details(Msat(20'000'000), 108)) == "400f0000000001312d000000006c");
    CHECK(codec::to_hex(plain_failure(failcode::mpp_timeout)) == "0017");
    CHECK(codec::to_hex(invalid_payload(16, 0)) == "4016100000");
    CHECK(codec::to_hex(final_wrong_amount(Msat(1))) == "00130000000000000001");
    CHECK(codec::to_hex(final_wrong_cltv(2)) == "001200000002");
    const ChannelUpdate update{ShortChannelId(103, 1, 0), 1, false, 1795172761, 6, Msat(1),
                               Msat(8'000'000'000),       0, 250};
    const std::string message = codec::to_hex(channel_failure(failcode::fee_insufficient, Msat(20'000'200), update));
    // node-transcripts/rpc/waitsendpay-fee-insufficient-error.json, but for signature and chain.
    CHECK(message.substr(0, 28) == "100c0000000001312dc8008a0102");
    CHECK(message.substr(28 + 2 * 96) ==
          "00006700000100006b00299901010006000000000000000100000000000000fa00000001dcd65000");
}

TEST_CASE("failure codes have their names, and a message too short for one has code 0") {
    CHECK(failcode_name(failcode::fee_insufficient) == "WIRE_FEE_INSUFFICIENT");
    CHECK(failcode_name(0x1234) == "UNKNOWN");
    CHECK(Failure{hex("40"), 0, false}.code() == 0);
    CHECK(Failure{hex("400f"), 0, false}.code() == 0x400f);
}

}  // namespace
}  // namespace millrace::sim
