#include "common/bolt11/invoice.hpp"

#include <algorithm>
#include "common/codec/bech32.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/common/bolt11/vectors.hpp"
#include "tests/unit/common/random.hpp"

namespace millrace::bolt11 {
namespace {

SecretKey signing_key() {
    return SecretKey::from_hex(vectors::signing_key).value();
}

void require_same_contents(const Invoice& left, const Invoice& right) {
    CHECK(left.currency == right.currency);
    CHECK(left.amount == right.amount);
    CHECK(left.timestamp == right.timestamp);
    CHECK(left.payment_hash == right.payment_hash);
    CHECK(left.payment_secret == right.payment_secret);
    CHECK(left.description == right.description);
    CHECK(left.expiry == right.expiry);
    CHECK(left.min_final_cltv == right.min_final_cltv);
    CHECK(left.payment_metadata == right.payment_metadata);
    CHECK(left.fallbacks == right.fallbacks);
    CHECK(left.routes == right.routes);
    CHECK(left.features == right.features);
}

TEST_CASE("The examples of BOLT 11 whose fields stand in Core Lightning's order are written letter by letter") {
    for (const char* text : {vectors::donation, vectors::coffee, vectors::nonsense, vectors::hashed, vectors::p2tr}) {
        CAPTURE(text);
        const Result<Invoice> invoice = decode(text);
        REQUIRE(invoice);
        const Result<std::string> again = encode_signed(*invoice, signing_key());
        REQUIRE(again);
        CHECK(*again == text);
    }
}

TEST_CASE("Every valid example of BOLT 11 keeps its contents and its payee when it is written anew") {
    for (const char* text :
         {vectors::donation, vectors::coffee, vectors::nonsense, vectors::hashed, vectors::testnet_p2pkh,
          vectors::routes_p2pkh, vectors::p2sh, vectors::p2wpkh, vectors::p2wsh, vectors::p2tr, vectors::pico,
          vectors::features, vectors::upper_case, vectors::ignored_fields, vectors::metadata, vectors::high_s}) {
        CAPTURE(text);
        const Result<Invoice> invoice = decode(text);
        REQUIRE(invoice);
        const Result<std::string> again = encode_signed(*invoice, signing_key());
        REQUIRE(again);
        const Result<Invoice> read = decode(*again);
        REQUIRE(read);
        require_same_contents(*read, *invoice);
        CHECK(read->payee.hex() == vectors::payee);
    }
}

TEST_CASE("An unsigned invoice differs from the signed one in nothing but signature and checksum") {
    for (const char* text : {vectors::donation, vectors::coffee, vectors::pico, vectors::metadata, vectors::p2wsh}) {
        CAPTURE(text);
        const Result<Invoice> invoice = decode(text);
        REQUIRE(invoice);
        const Result<codec::Bech32> bare = codec::decode_bech32(encode_unsigned(*invoice).value());
        const Result<codec::Bech32> full = codec::decode_bech32(encode_signed(*invoice, signing_key()).value());
        REQUIRE(bare);
        REQUIRE(full);
        CHECK(bare->hrp == full->hrp);
        REQUIRE(bare->words.size() == full->words.size());
        const std::size_t fields = full->words.size() - 104;
        CHECK(std::equal(bare->words.begin(), bare->words.begin() + static_cast<std::ptrdiff_t>(fields),
                         full->words.begin()));
        CHECK(std::all_of(bare->words.begin() + static_cast<std::ptrdiff_t>(fields), bare->words.end(),
                          [](auto word) { return word == 0; }));
        CHECK(is(decode(encode_unsigned(*invoice).value()).error(), Errc::bad_signature));
    }
}

Invoice plain_invoice() {
    Invoice invoice;
    invoice.currency = "bcrt";
    invoice.amount = Msat(1000);
    invoice.timestamp = std::chrono::sys_seconds(std::chrono::seconds(1'700'000'000));
    invoice.description = std::string("L402: weather");
    invoice.features = {0x41, 0x00};
    return invoice;
}

TEST_CASE("The amount is written with the largest multiplier that leaves a whole number") {
    struct Case {
        std::uint64_t msat;
        const char* prefix;
    };
    const Case cases[] = {
        {1, "lnbcrt10p1"},
        {10, "lnbcrt100p1"},
        {100, "lnbcrt1n1"},
        {1000, "lnbcrt10n1"},
        {1001, "lnbcrt10010p1"},
        {100'000, "lnbcrt1u1"},
        {250'000'000, "lnbcrt2500u1"},
        {100'000'000, "lnbcrt1m1"},
        {967'878'534, "lnbcrt9678785340p1"},
        {100'000'000'000, "lnbcrt11"},
        {Msat::max_value, "lnbcrt210000001"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.msat);
        Invoice invoice = plain_invoice();
        invoice.amount = Msat(c.msat);
        const std::string text = encode_signed(invoice, signing_key()).value();
        CHECK(text.substr(0, std::string_view(c.prefix).size()) == c.prefix);
        CHECK(decode(text)->amount == Msat(c.msat));
    }
}

TEST_CASE("An amount that no invoice can state is not written") {
    Invoice invoice = plain_invoice();
    invoice.amount = Msat(0);
    CHECK(is(encode_signed(invoice, signing_key()).error(), Errc::bad_amount));
    CHECK(is(encode_unsigned(invoice).error(), Errc::bad_amount));
    invoice.amount = Msat(Msat::max_value + 1);
    CHECK(is(encode_signed(invoice, signing_key()).error(), Errc::bad_amount));
}

TEST_CASE("A description of 639 bytes fits, one more does not") {
    Invoice invoice = plain_invoice();
    invoice.description = std::string(639, 'x');
    CHECK(decode(encode_signed(invoice, signing_key()).value())->description_text().size() == 639);
    invoice.description = std::string(640, 'x');
    CHECK(is(encode_signed(invoice, signing_key()).error(), Errc::bad_field));
    CHECK(is(encode_unsigned(invoice).error(), Errc::bad_field));
}

TEST_CASE("Any invoice is read back as it was written") {
    test::Random random(12);
    const std::string_view currencies[] = {"bc", "tb", "tbs", "bcrt"};
    for (int i = 0; i < 200; ++i) {
        Invoice invoice;
        invoice.currency = currencies[random.below(4)];
        if (random.below(4) != 0) invoice.amount = Msat(1 + random.any_magnitude() % Msat::max_value);
        invoice.timestamp = std::chrono::sys_seconds(std::chrono::seconds(random.below(std::uint64_t{1} << 35)));
        invoice.payment_hash = PaymentHash(random.array<32>());
        invoice.payment_secret = PaymentSecret(random.array<32>());
        if (random.below(2) == 0) {
            invoice.description = random.text(static_cast<std::size_t>(random.below(200)), "abc \xc3\xa9\"\\");
        } else {
            invoice.description = random.array<32>();
        }
        if (random.below(2) == 0) invoice.expiry = std::chrono::seconds(random.any_magnitude() >> 4U);
        if (random.below(2) == 0) invoice.min_final_cltv = static_cast<std::uint32_t>(random.any_magnitude());
        if (random.below(3) == 0) invoice.payment_metadata = random.bytes(static_cast<std::size_t>(random.below(100)));
        for (std::uint64_t n = random.below(3); n > 0; --n) {
            const auto version = static_cast<std::uint8_t>(random.below(19));
            invoice.fallbacks.push_back(
                {version, random.bytes(version >= 17 ? 20 : 2 + static_cast<std::size_t>(random.below(39)))});
        }
        for (std::uint64_t n = random.below(3); n > 0; --n) {
            std::vector<RouteHop> route(1 + static_cast<std::size_t>(random.below(4)));
            for (RouteHop& hop : route) {
                hop.pubkey = NodeId(random.array<33>());
                hop.short_channel_id = ShortChannelId(random.u64());
                hop.fee_base_msat = static_cast<std::uint32_t>(random.u64());
                hop.fee_proportional_millionths = static_cast<std::uint32_t>(random.u64());
                hop.cltv_expiry_delta = static_cast<std::uint16_t>(random.u64());
            }
            invoice.routes.push_back(route);
        }
        if (random.below(3) != 0) {
            invoice.features = random.bytes(1 + static_cast<std::size_t>(random.below(20)));
            for (std::uint8_t& byte : invoice.features) byte &= 0xaa;  // odd bits only: an unknown even one is refused
            while (!invoice.features.empty() && invoice.features.front() == 0)
                invoice.features.erase(invoice.features.begin());
        }
        const SecretKey key(random.array<32>());
        const Result<std::string> text = encode_signed(invoice, key);
        REQUIRE(text);
        CAPTURE(*text);
        const Result<Invoice> read = decode(*text);
        REQUIRE(read);
        require_same_contents(*read, invoice);
        CHECK(read->payee == *crypto::public_key(key));
        CHECK(encode_signed(*read, key).value() == *text);
    }
}

}  // namespace
}  // namespace millrace::bolt11
