#include "plugin/invoicing/htlc.hpp"

#include <boost/json/parse.hpp>

#include "plugin/invoicing/onion_payload.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/plugin/transcripts.hpp"

namespace millrace::invoicing {
namespace {

boost::json::value call() {
    return boost::json::parse(test::htlc_accepted_final()).at("params");
}

TEST_CASE("an HTLC is read as lightningd describes it") {
    const auto facts = parse_htlc(call());
    REQUIRE(facts);
    CHECK(facts->payment_hash.hex() == "fb1b566e97f150b27821f8c5e56bab4a13cc67ba957a1229c60f5a730f49d8ce");
    CHECK(facts->payment_secret.hex() == "cd26a74c07c23f582ec4530df65e2aecdf295c23461f076c0e90dcbdb069394d");
    CHECK(facts->total == Msat(50000000));
    CHECK(facts->amount == Msat(50000000));
    CHECK(facts->cltv_expiry_relative == 29);
    CHECK(facts->blockheight == 108);
    CHECK(facts->payload.size() == 48);
}

TEST_CASE("the recorded payload takes another secret") {
    const auto facts = parse_htlc(call()).value();
    const PaymentSecret other(std::array<std::uint8_t, 32>{});
    CHECK(codec::to_hex(replace_payment_secret(facts.payload, facts.payment_secret, other).value()) ==
          "020402faf08004017708"
          "24" +
              std::string(64, '0') + "02faf080");
}

TEST_CASE("an HTLC whose time has passed has a negative number of blocks left") {
    boost::json::value late = call();
    late.at("htlc").as_object()["cltv_expiry_relative"] = -2;
    const auto facts = parse_htlc(late);
    REQUIRE(facts);
    CHECK(facts->cltv_expiry_relative == -2);
    CHECK(facts->blockheight == 139);
}

TEST_CASE("what is no payment with a secret is an error") {
    for (const char* member : {"payment_secret", "total_msat", "payload"}) {
        INFO(member);
        boost::json::value broken = call();
        broken.at("onion").as_object().erase(member);
        CHECK_FALSE(parse_htlc(broken));
    }
    for (const char* member : {"payment_hash", "amount_msat", "cltv_expiry", "cltv_expiry_relative"}) {
        INFO(member);
        boost::json::value broken = call();
        broken.at("htlc").as_object().erase(member);
        CHECK_FALSE(parse_htlc(broken));
    }
    for (const char* text : {"null", "[]", "{}", R"({"onion":{}})", R"({"onion":[],"htlc":{}})"}) {
        INFO(text);
        CHECK_FALSE(parse_htlc(boost::json::parse(text)));
    }
    boost::json::value odd = call();
    odd.at("onion").as_object()["payload"] = "0zz";
    CHECK_FALSE(parse_htlc(odd));
}

}  // namespace
}  // namespace millrace::invoicing
