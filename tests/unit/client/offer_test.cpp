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

TEST_CASE("where no L402 is offered, a charge is: for one request, until its challenge or its invoice expires") {
    ChallengeParts parts;
    parts.amount = Msat(1500);
    const std::vector<std::string> lines = charge(parts);
    const Offer offer = read_offer(lines, "GET /x?y").value();
    CHECK(offer.pending.amount == Msat(1500));
    CHECK(offer.pending.service == charge_key("GET /x?y"));
    CHECK(offer.pending.charge == lines.front());
    CHECK(offer.pending.base64.empty());
    CHECK(offer.pending.payment_hash == crypto::payment_hash(preimage_of(1)));
    CHECK(offer.pending.expires_at == start + std::chrono::seconds(600));
    CHECK(offer.currency == "bcrt");

    const auto both = challenge({});
    CHECK(read_offer({both[0], both[1], lines[0]}).value().pending.charge.empty());
    CHECK(read_offer({"Basic realm=\"x\", " + lines[0]}).value().pending.charge == lines.front());
    payment::Challenge session = charge_of(parts);
    session.intent = "session";
    CHECK(is(read_offer({payment::challenge_line(session)}).error(), OfferErrc::unreadable));
    CHECK(read_offer({payment::challenge_line(session), lines[0]}).value().pending.charge == lines.front());
    payment::Challenge sooner = charge_of(parts);
    sooner.expires = "2027-01-15T08:01:00Z";  // a minute after the start
    CHECK(read_offer({payment::challenge_line(sooner)}).value().pending.expires_at == start + std::chrono::seconds(60));
}

TEST_CASE("a charge that contradicts its invoice is not paid") {
    const payment::ChargeRequest good = payment::decode_charge_request(charge_of({}).request).value();
    const auto error_of = [&](const payment::ChargeRequest& request) {
        payment::Challenge challenge = charge_of({});
        challenge.request = payment::encode(request);
        const auto offer = read_offer({payment::challenge_line(challenge)});
        return offer ? std::string("none") : offer.error().message;
    };
    payment::ChargeRequest amount = good, hash = good, network = good, invoice = good, least = good;
    amount.amount_sat = 2;
    hash.payment_hash = crypto::payment_hash(preimage_of(2));
    network.network = "mainnet";
    invoice.invoice = "lnbcrt1";
    least.payment_hash.reset();
    least.network.reset();
    CHECK(error_of(good) == "none");
    CHECK(error_of(least) == "none");
    for (const auto& request : {amount, hash, network})
        CHECK(error_of(request).starts_with(ErrcText<OfferErrc>::text(OfferErrc::contradictory)));
    CHECK(error_of(invoice).starts_with(ErrcText<OfferErrc>::text(OfferErrc::unreadable)));
    payment::Challenge late = charge_of({});
    late.expires = "tomorrow";
    CHECK(is(read_offer({payment::challenge_line(late)}).error(), OfferErrc::unreadable));
}
