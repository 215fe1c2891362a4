#include "tests/unit/catch.hpp"
#include "tests/unit/client/world.hpp"

using namespace millrace;
using namespace millrace::client;
using namespace millrace::client::test;

namespace {

Result<Offer> first_offer(const std::vector<std::string>& lines, const std::string& request = {}) {
    const auto offers = read_offers(lines, {request, {}});
    if (!offers) return offers.error();
    return offers->front();
}

Preimage other_preimage() {
    return preimage_of(2);
}

}  // namespace

TEST_CASE("an offer takes amount, expiry, hash and service from the challenge") {
    const Offer offer = first_offer(challenge({})).value();
    CHECK(offer.amount == Msat(1000));
    CHECK(offer.service == "weather");
    CHECK(offer.payment_hash == crypto::payment_hash(preimage_of(1)));
    CHECK(offer.expires_at == start + std::chrono::seconds(600));
    CHECK(offer.currency == "bcrt");
    CHECK(offer.bolt11.starts_with("lnbcrt10n1"));
}

TEST_CASE("what is no L402 challenge is no offer") {
    CHECK(is(first_offer({}).error(), OfferErrc::unreadable));
    CHECK(is(first_offer({"Basic realm=\"x\""}).error(), OfferErrc::unreadable));
    CHECK(is(first_offer({"L402 macaroon=\"AgEEbHNhdA==\", invoice=\"lnbcrt1\""}).error(), OfferErrc::unreadable));
}

TEST_CASE("the limits are inclusive") {
    const Offer offer = first_offer(challenge({})).value();
    CHECK(check_offer(offer, Msat(1000), start));
    CHECK(is(check_offer(offer, Msat(999), start).error(), OfferErrc::too_expensive));
    CHECK(check_offer(offer, Msat(1000), start + std::chrono::seconds(590)));
    CHECK(is(check_offer(offer, Msat(1000), start + std::chrono::seconds(591)).error(), OfferErrc::expired));
}

TEST_CASE("where no L402 is offered, a charge is: for one request, until its challenge or its invoice expires") {
    ChallengeParts parts;
    parts.amount = Msat(1500);
    const std::vector<std::string> lines = charge(parts);
    const Offer offer = first_offer(lines, "GET /x?y").value();
    CHECK(offer.amount == Msat(1500));
    CHECK(offer.service == charge_key("GET /x?y"));
    CHECK(offer.charge == lines.front());
    CHECK(offer.base64.empty());
    CHECK(offer.payment_hash == crypto::payment_hash(preimage_of(1)));
    CHECK(offer.expires_at == start + std::chrono::seconds(600));
    CHECK(offer.currency == "bcrt");

    const auto both = challenge({});
    const Offer either = first_offer({both[0], both[1], lines[0]}).value();
    CHECK_FALSE(either.base64.empty());
    CHECK(either.service == "weather");
    CHECK(either.charge == lines.front());  // by the same invoice
    CHECK(first_offer({"Basic realm=\"x\", " + lines[0]}).value().charge == lines.front());
    payment::Challenge session = charge_of(parts);
    session.intent = "session";
    CHECK(is(first_offer({payment::challenge_line(session)}).error(), OfferErrc::unreadable));
    CHECK(first_offer({payment::challenge_line(session), lines[0]}).value().charge == lines.front());
    payment::Challenge sooner = charge_of(parts);
    sooner.expires = "2027-01-15T08:01:00Z";  // a minute after the start
    CHECK(first_offer({payment::challenge_line(sooner)}).value().expires_at == start + std::chrono::seconds(60));
}

TEST_CASE("a charge that contradicts its invoice is not paid") {
    const payment::ChargeRequest good = payment::decode_charge_request(charge_of({}).request).value();
    const auto error_of = [&](const payment::ChargeRequest& request) {
        payment::Challenge challenge = charge_of({});
        challenge.request = payment::encode(request);
        const auto offer = first_offer({payment::challenge_line(challenge)});
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
    CHECK(is(first_offer({payment::challenge_line(late)}).error(), OfferErrc::unreadable));
}

TEST_CASE("C4: the challenges that can be read are all offered, in order, L402 first") {
    ChallengeParts dear, cheap;
    dear.amount = Msat(9000);
    cheap.number = 2;
    const auto first = challenge(dear), second = challenge(cheap), charged = charge(cheap);
    const auto offers = read_offers({charged[0], first[0], first[1], "L402 macaroon=\"broken\", invoice=\"lnbc1\"",
                                     second[0] + ", " + second[1], "Basic realm=\"x\""},
                                    {"GET /x", {}})
                            .value();
    REQUIRE(offers.size() == 2);  // LSAT and L402 say the same; the charge is by the invoice of the second token
    CHECK(offers[0].amount == Msat(9000));
    CHECK(offers[0].charge.empty());
    CHECK(offers[1].amount == Msat(1000));
    CHECK(offers[1].payment_hash == crypto::payment_hash(other_preimage()));
    CHECK(offers[1].service == "weather");
    CHECK(offers[1].charge == charged[0]);
}

TEST_CASE("C6: a charge by another invoice than the token's is an offer of its own, behind it") {
    ChallengeParts other;
    other.number = 2;
    const auto tokens = challenge({}), charges = charge(other);
    const auto offers = read_offers({charges[0], tokens[0], tokens[1]}, {"GET /x", {}}).value();
    REQUIRE(offers.size() == 2);
    CHECK_FALSE(offers[0].base64.empty());
    CHECK(offers[0].charge.empty());
    CHECK(offers[1].base64.empty());
    CHECK(offers[1].service == charge_key("GET /x"));
}

TEST_CASE("C3: a charge that names a field of the message is not taken, one that names another is") {
    payment::Challenge asked = charge_of({});
    for (const char* field : {"Payment-Authorization", "X-Payment", "authorization", "payment_credential"}) {
        INFO(field);
        asked.header = field;
        const auto offer = first_offer({payment::challenge_line(asked)});
        REQUIRE(offer);
        CHECK(offer->charge.find(std::string("header=\"") + field) != std::string::npos);
    }
    for (const char* field :
         {"Host", "content-length", "Transfer-Encoding", "Connection", "Proxy-Authorization", "Cookie", "TE",
          "X-Forwarded-For", "a b", "a:b", "Content-Type", "Expect", "Range", "If-Match"}) {
        INFO(field);
        asked.header = field;
        CHECK(is(first_offer({payment::challenge_line(asked)}).error(), OfferErrc::bad_field));
        // The next is tried.
        const auto next = first_offer({payment::challenge_line(asked), charge({})[0]});
        REQUIRE(next);
        CHECK(next->charge == charge({})[0]);
    }
}

TEST_CASE("C3: what needs a field that the user sets is no offer, the other form of it is") {
    payment::Challenge asked = charge_of({});
    asked.header = "Payment-Authorization";
    const auto tokens = challenge({});
    const std::string line = payment::challenge_line(asked);
    const std::vector<std::string> own{"authorization"};
    CHECK(is(read_offers(tokens, {"GET /x", own}).error(), OfferErrc::field_taken));
    CHECK(is(read_offers(charge({}), {"GET /x", own}).error(), OfferErrc::field_taken));
    const auto offers = read_offers({tokens[0], tokens[1], line}, {"GET /x", own}).value();
    REQUIRE(offers.size() == 1);
    CHECK(offers[0].base64.empty());
    CHECK(offers[0].charge == line);
}

TEST_CASE("tokens of two tiers of a service are two services to the store") {
    ChallengeParts parts;
    parts.tier = 2;
    CHECK(first_offer(challenge(parts)).value().service == "weather:2");
    parts.tier = 0;
    CHECK(first_offer(challenge(parts)).value().service == "weather");
}
