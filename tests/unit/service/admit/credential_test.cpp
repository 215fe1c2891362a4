#include "service/admit/credential.hpp"

#include "common/codec/base64.hpp"
#include "tests/unit/service/admit/world.hpp"

using namespace millrace;
using namespace millrace::test;

namespace {

// "nothing", or what it is, whether it can be read and is alone.
std::string read(AdmitWorld& world, const std::string& lines, const admit::Taken& taken = {true, true}) {
    REQUIRE_FALSE(world.ask("GET /x", lines));
    const admit::Credential found = admit::read_credential(world.fields, taken);
    if (const auto* token = std::get_if<admit::Token>(&found)) {
        if (!token->found) return "token: " + token->found.error().code.message();
        return token->found->has_value() ? "token" : "nothing";
    }
    if (const auto* work = std::get_if<admit::Work>(&found))
        return std::string(work->solution ? "work" : "no work") + (work->alone ? "" : " among others");
    if (const auto* payment = std::get_if<admit::Payment>(&found))
        return std::string(payment->credential ? "payment" : "no payment") + (payment->alone ? "" : " among others");
    return "nothing";
}

}  // namespace

TEST_CASE("What a request brings is one thing") {
    AdmitWorld world;
    const std::string token = world.authorization(world.credential());
    const PaymentHash hash = crypto::payment_hash(world.preimage);
    const payment::ChargeTerms terms{"a", "weather", Msat(1000), {}, "lnbcrt1...", hash, payment::Network::regtest,
                                     noon};
    const std::string charge =
        "Authorization: " + payment::authorization_value(payment::charge_challenge(world.ring, terms), world.preimage) +
        "\r\n";
    const std::string work = "Authorization: L402 nonsense:POW\r\n";
    CHECK(read(world, "") == "nothing");
    CHECK(read(world, "Authorization: Bearer abc\r\nAccept: */*\r\n") == "nothing");
    CHECK(read(world, token) == "token");
    CHECK(read(world, token + token) == "token");
    CHECK(read(world, token + world.authorization(world.credential("tides"))).find("token: ") == 0);
    CHECK(read(world, "Authorization: L402 nonsense\r\n").find("token: ") == 0);
    CHECK(read(world, charge) == "payment");
    CHECK(read(world, charge + charge) == "payment");
    CHECK(read(world, charge + token) == "payment among others");
    CHECK(read(world, "Authorization: Payment nonsense\r\n") == "no payment");
    CHECK(read(world, "Authorization: Payment nonsense\r\n" + charge) == "payment among others");
    CHECK(read(world, charge + "Authorization: L402 nonsense\r\n") == "payment among others");
    CHECK(read(world, charge + "Authorization: Bearer abc\r\n") == "payment");
    CHECK(read(world, work) == "no work");
    CHECK(read(world, work + token) == "no work among others");
    // What a service does not look at is none of it.
    CHECK(read(world, charge, {false, false}) == "nothing");
    CHECK(read(world, work, {true, false}).find("token: ") == 0);
}

TEST_CASE("Tokens are found in the fields that clients in the wild use") {
    AdmitWorld world;
    const l402::Credential token = world.credential();
    l402::Credential with_preimage = token;
    with_preimage.macaroon.add_first_party_caveat("preimage=" + token.preimage.reveal_hex());
    const std::string hex = codec::to_hex(macaroon::encode_v2(with_preimage.macaroon));
    for (const char* name :
         {"Macaroon", "Token", "Grpc-Metadata-Macaroon", "Grpc-Metadata-Token", "grpc-metadata-token"}) {
        CAPTURE(name);
        CHECK(read(world, std::string(name) + ": " + hex + "\r\n") == "token");
        CHECK(world.fields.size() == 1);
    }
}
