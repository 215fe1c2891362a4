#include "tests/unit/catch.hpp"
#include "tests/unit/client/world.hpp"

using namespace millrace;
using namespace millrace::client;
using namespace millrace::client::test;

TEST_CASE("an offer takes amount, expiry, hash and service from the challenge") {
    const Offer offer = read_offer(challenge({})).value();
    CHECK(offer.pending.amount == Msat(1000));
    CHECK(offer.pending.service == "weather");
    CHECK(offer.pending.payment_hash == crypto::payment_hash(preimage_of(1)));
    CHECK(offer.pending.expires_at == start + std::chrono::seconds(600));
    CHECK(offer.currency == "bcrt");
    CHECK(offer.pending.bolt11.starts_with("lnbcrt10n1"));
}

TEST_CASE("what is no L402 challenge is no offer") {
    CHECK(is(read_offer({}).error(), OfferErrc::unreadable));
    CHECK(is(read_offer({"Basic realm=\"x\""}).error(), OfferErrc::unreadable));
    CHECK(is(read_offer({"L402 macaroon=\"AgEEbHNhdA==\", invoice=\"lnbcrt1\""}).error(), OfferErrc::unreadable));
}

TEST_CASE("the limits are inclusive") {
    const Pending offer = read_offer(challenge({})).value().pending;
    CHECK(check_offer(offer, Msat(1000), start));
    CHECK(is(check_offer(offer, Msat(999), start).error(), OfferErrc::too_expensive));
    CHECK(check_offer(offer, Msat(1000), start + std::chrono::seconds(590)));
    CHECK(is(check_offer(offer, Msat(1000), start + std::chrono::seconds(591)).error(), OfferErrc::expired));
}
