#include "common/bolt11/invoice.hpp"

#include "common/codec/bech32.hpp"
#include "common/codec/hex.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/common/bolt11/vectors.hpp"

namespace millrace::bolt11 {
namespace {

Invoice read(std::string_view text) {
    const Result<Invoice> invoice = decode(text);
    REQUIRE(invoice);
    return *invoice;
}

std::string hex(ByteView bytes) {
    return codec::to_hex(bytes);
}

constexpr const char* published_hash = "0001020304050607080900010203040506070809000102030405060708090102";
constexpr const char* published_secret = "1111111111111111111111111111111111111111111111111111111111111111";
constexpr const char* cake_list =
    "One piece of chocolate cake, one icecream cone, one pickle, one slice of swiss cheese, one slice of salami, one "
    "lollypop, one "
    "piece of cherry pie, one sausage, one cupcake, and one slice of watermelon";
constexpr std::int64_t published_time = 1496314658;

TEST_CASE("Every valid example of BOLT 11 is read with what it says it holds") {
    struct Case {
        const char* invoice;
        const char* currency;
        std::optional<std::uint64_t> amount_msat;
        const char* description;  // null: hashed
        std::int64_t expiry;
        const char* features;  // big endian, hex
    };
    const Case cases[] = {
        {vectors::donation, "bc", std::nullopt, "Please consider supporting this project", 3600, "4100"},
        {vectors::coffee, "bc", 250'000'000, "1 cup coffee", 60, "4100"},
        {vectors::nonsense, "bc", 250'000'000,
         "\xe3\x83\x8a\xe3\x83\xb3\xe3\x82\xbb\xe3\x83\xb3\xe3\x82\xb9 1\xe6\x9d\xaf", 60, "4100"},
        {vectors::hashed, "bc", 2'000'000'000, nullptr, 3600, "4100"},
        {vectors::testnet_p2pkh, "tb", 2'000'000'000, nullptr, 3600, "4100"},
        {vectors::routes_p2pkh, "bc", 2'000'000'000, nullptr, 3600, "4100"},
        {vectors::p2sh, "bc", 2'000'000'000, nullptr, 3600, "4100"},
        {vectors::p2wpkh, "bc", 2'000'000'000, nullptr, 3600, "4100"},
        {vectors::p2wsh, "bc", 2'000'000'000, nullptr, 3600, "4100"},
        {vectors::p2tr, "bc", 2'000'000'000, nullptr, 3600, "4100"},
        {vectors::features, "bc", 2'500'000'000, "coffee beans", 3600, "08000000000000000000004100"},
        {vectors::upper_case, "bc", 2'500'000'000, "coffee beans", 3600, "08000000000000000000004100"},
        {vectors::ignored_fields, "bc", 2'500'000'000, "coffee beans", 3600, "08000000000000000000004100"},
        {vectors::metadata, "bc", 1'000'000'000, "payment metadata inside", 3600, "01000000004100"},
        {vectors::high_s, "bc", std::nullopt, "Please consider supporting this project", 3600, "4100"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.invoice);
        const Invoice invoice = read(c.invoice);
        CHECK(invoice.currency == c.currency);
        CHECK(invoice.amount.has_value() == c.amount_msat.has_value());
        if (c.amount_msat) CHECK(invoice.amount->value() == *c.amount_msat);
        CHECK(invoice.timestamp.time_since_epoch().count() == published_time);
        CHECK(invoice.payment_hash.hex() == published_hash);
        CHECK(invoice.payment_secret.hex() == published_secret);
        if (c.description != nullptr) {
            CHECK(invoice.description_text() == c.description);
        } else {
            CHECK(std::get<crypto::Digest>(invoice.description) == crypto::sha256(as_bytes(cake_list)));
            CHECK(invoice.description_text().empty());
        }
        CHECK(invoice.expiry.count() == c.expiry);
        CHECK(invoice.expires_at().time_since_epoch().count() == published_time + c.expiry);
        CHECK(invoice.min_final_cltv == 18);
        CHECK(hex(invoice.features) == c.features);
        CHECK(invoice.payee.hex() == (c.invoice == vectors::high_s ? vectors::high_s_payee : vectors::payee));
    }
}

TEST_CASE("The example with an amount in pico-bitcoin is read whole") {
    const Invoice invoice = read(vectors::pico);
    CHECK(invoice.amount->value() == 967'878'534);
    CHECK(invoice.timestamp.time_since_epoch().count() == 1572468703);
    CHECK(invoice.payment_hash.hex() == "462264ede7e14047e9b249da94fefc47f41f7d02ee9b091815a5506bc8abf75f");
    CHECK(invoice.description_text() ==
          "Blockstream Store: 88.85 USD for Blockstream Ledger Nano S x 1, \"Back In My Day\" Sticker x 2, \"I Got "
          "Lightning Working\" "
          "Sticker x 2 and 1 more items");
    CHECK(invoice.expiry.count() == 604'800);
    CHECK(invoice.min_final_cltv == 10);
    CHECK(invoice.payee.hex() == vectors::payee);
    REQUIRE(invoice.routes.size() == 1);
    REQUIRE(invoice.routes[0].size() == 1);
    const RouteHop& hop = invoice.routes[0][0];
    CHECK(hop.pubkey.hex() == "03d06758583bb5154774a6eb221b1276c9e82d65bbaceca806d90e20c108f4b1c7");
    CHECK(hop.short_channel_id.text() == "589390x3312x1");
    CHECK(hop.fee_base_msat == 1000);
    CHECK(hop.fee_proportional_millionths == 2500);
    CHECK(hop.cltv_expiry_delta == 40);
}

TEST_CASE("The example with two hops of routing information is read whole") {
    const Invoice invoice = read(vectors::routes_p2pkh);
    REQUIRE(invoice.routes.size() == 1);
    REQUIRE(invoice.routes[0].size() == 2);
    const RouteHop& first = invoice.routes[0][0];
    CHECK(first.pubkey.hex() == "029e03a901b85534ff1e92c43c74431f7ce72046060fcf7a95c37e148f78c77255");
    CHECK(first.short_channel_id.text() == "66051x263430x1800");
    CHECK(first.fee_base_msat == 1);
    CHECK(first.fee_proportional_millionths == 20);
    CHECK(first.cltv_expiry_delta == 3);
    const RouteHop& second = invoice.routes[0][1];
    CHECK(second.pubkey.hex() == "039e03a901b85534ff1e92c43c74431f7ce72046060fcf7a95c37e148f78c77255");
    CHECK(second.short_channel_id.text() == "197637x395016x2314");
    CHECK(second.fee_base_msat == 2);
    CHECK(second.fee_proportional_millionths == 30);
    CHECK(second.cltv_expiry_delta == 4);
}

TEST_CASE("Fallback addresses are read as their version and program") {
    struct Case {
        const char* invoice;
        std::uint8_t version;
        const char* program;
    };
    const Case cases[] = {
        {vectors::testnet_p2pkh, 17, "3172b5654f6683c8fb146959d347ce303cae4ca7"},
        {vectors::routes_p2pkh, 17, "04b61f7dc1ea0dc99424464cc4064dc564d91e89"},
        {vectors::p2sh, 18, "8f55563b9a19f321c211e9b9f38cdf686ea07845"},
        {vectors::p2wpkh, 0, "751e76e8199196d454941c45d1b3a323f1433bd6"},
        {vectors::p2wsh, 0, "1863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262"},
        {vectors::p2tr, 1, "0adac43daa9c8a5a68e09ea10692b82226ee190e572db9b90e17a410484ab405"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.invoice);
        const Invoice invoice = read(c.invoice);
        REQUIRE(invoice.fallbacks.size() == 1);
        CHECK(invoice.fallbacks[0].version == c.version);
        CHECK(hex(invoice.fallbacks[0].program) == c.program);
    }
}

TEST_CASE("Fields that must be ignored leave no trace") {
    const Invoice plain = read(vectors::features);
    const Invoice extended = read(vectors::ignored_fields);
    CHECK(extended.payment_hash == plain.payment_hash);
    CHECK(extended.payment_secret == plain.payment_secret);
    CHECK(extended.description == plain.description);
    CHECK(extended.features == plain.features);
    CHECK(extended.fallbacks.empty());
    CHECK(extended.payee == plain.payee);
}

TEST_CASE("Payment metadata is read") {
    const Invoice invoice = read(vectors::metadata);
    REQUIRE(invoice.payment_metadata);
    CHECK(hex(*invoice.payment_metadata) == "01fafaf0");
    CHECK_FALSE(read(vectors::donation).payment_metadata);
}

TEST_CASE("The signatures of the examples are those published, over the published digest") {
    for (const vectors::Signature& c : vectors::signatures) {
        CAPTURE(c.invoice);
        const Invoice invoice = read(c.invoice);
        CHECK(hex(invoice.signature.compact) == c.compact);
        CHECK(int{invoice.signature.recovery_id} == c.recovery_id);
        crypto::Digest digest;
        REQUIRE(codec::from_hex(c.digest, digest));
        const std::optional<NodeId> recovered = crypto::recover(invoice.signature, digest);
        REQUIRE(recovered);
        CHECK(recovered->hex() == (c.invoice == vectors::high_s ? vectors::high_s_payee : vectors::payee));
    }
}

TEST_CASE("Every invalid example of BOLT 11 is refused for its own reason") {
    struct Case {
        const char* invoice;
        Errc errc;
    };
    const Case cases[] = {
        {vectors::invalid_unknown_feature, Errc::unknown_feature},
        {vectors::invalid_bad_checksum, Errc::not_bech32},
        {vectors::invalid_no_separator, Errc::not_bech32},
        {vectors::invalid_mixed_case, Errc::not_bech32},
        {vectors::invalid_not_recoverable, Errc::bad_signature},
        {vectors::invalid_too_short, Errc::too_short},
        {vectors::invalid_bad_multiplier, Errc::bad_amount},
        {vectors::invalid_sub_millisatoshi, Errc::bad_amount},
        {vectors::invalid_missing_secret, Errc::missing_field},
        {vectors::invalid_high_s_with_payee, Errc::bad_signature},
    };
    for (const Case& c : cases) {
        CAPTURE(c.invoice);
        const Result<Invoice> invoice = decode(c.invoice);
        REQUIRE_FALSE(invoice);
        CAPTURE(invoice.error().message);
        CHECK(is(invoice.error(), c.errc));
    }
}

TEST_CASE("A lightning: prefix in any case, and upper case, are accepted") {
    const std::string text = vectors::coffee;
    CHECK(read("lightning:" + text).amount == read(text).amount);
    CHECK(read("LIGHTNING:" + std::string(vectors::upper_case)).amount == read(vectors::features).amount);
    CHECK_FALSE(decode("bitcoin:" + text));
    CHECK_FALSE(decode(" " + text));
    CHECK_FALSE(decode(text + "\n"));
    CHECK_FALSE(decode(""));
}

// ---- invoices made for one fault each ----

// The fields of BOLT 11's first example by its letters, each a whole field.
constexpr std::string_view secret_field = "sp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygs";
constexpr std::string_view hash_field = "pp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypq";
constexpr std::string_view description_field = "dq8w3jhxaq";  // "test"
constexpr std::string_view timestamp = "pvjluez";

Bytes words_of(std::string_view letters) {
    constexpr std::string_view alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    Bytes out;
    for (const char c : letters) out.push_back(static_cast<std::uint8_t>(alphabet.find(c)));
    return out;
}

// A correctly signed invoice of these letters.
std::string signed_invoice(std::string_view hrp, std::string_view letters) {
    Bytes words = words_of(letters);
    Bytes message = to_bytes(as_bytes(hrp));
    std::uint32_t bits = 0;
    int count = 0;
    for (const std::uint8_t word : words) {
        bits = bits << 5U | word;
        count += 5;
        if (count >= 8) {
            count -= 8;
            message.push_back(static_cast<std::uint8_t>(bits >> count));
        }
    }
    if (count > 0) message.push_back(static_cast<std::uint8_t>(bits << (8 - count)));
    const crypto::RecoverableSignature signature =
        crypto::sign_recoverable(SecretKey::from_hex(vectors::signing_key).value(), crypto::sha256(message));
    Bytes bytes(signature.compact.begin(), signature.compact.end());
    bytes.push_back(signature.recovery_id);
    const Bytes signature_words = codec::to_words(bytes);
    words.insert(words.end(), signature_words.begin(), signature_words.end());
    return codec::encode_bech32(hrp, words);
}

std::string joined(std::initializer_list<std::string_view> parts) {
    std::string out;
    for (const std::string_view part : parts) out += part;
    return out;
}

const std::string complete = joined({timestamp, secret_field, hash_field, description_field});

TEST_CASE("The amount is a positive whole number without leading zeros, in millisatoshi at the finest") {
    struct Case {
        const char* hrp;
        std::optional<std::uint64_t> msat;  // empty: refused
    };
    const Case cases[] = {
        {"lnbc1", 100'000'000'000},
        {"lnbc1m", 100'000'000},
        {"lnbc1u", 100'000},
        {"lnbc1n", 100},
        {"lnbc10p", 1},
        {"lnbcrt2500u", 250'000'000},
        {"lntbs20m", 2'000'000'000},
        {"lnbc21000000", Msat::max_value},
        {"lnbc20p", 2},
        {"lnbc1p", std::nullopt},
        {"lnbc15p", std::nullopt},
        {"lnbc0", std::nullopt},
        {"lnbc0m", std::nullopt},
        {"lnbc01m", std::nullopt},
        {"lnbc1x", std::nullopt},
        {"lnbc1mm", std::nullopt},
        {"lnbc1mu", std::nullopt},
        {"lnbc21000001", std::nullopt},
        {"lnbc99999999999999999999", std::nullopt},
        {"lnbc18446744073709551616p", std::nullopt},
        {"lnbc184467440737095516160p", std::nullopt},
    };
    for (const Case& c : cases) {
        CAPTURE(c.hrp);
        const Result<Invoice> invoice = decode(signed_invoice(c.hrp, complete));
        if (c.msat) {
            REQUIRE(invoice);
            REQUIRE(invoice->amount);
            CHECK(invoice->amount->value() == *c.msat);
        } else {
            REQUIRE_FALSE(invoice);
            CHECK(is(invoice.error(), Errc::bad_amount));
        }
    }
}

TEST_CASE("An unknown currency is refused") {
    for (const char* hrp : {"ln", "lnxx", "lnb", "lnbcr", "lnbcrtx", "lntbx1m", "xnbc", "bc", "lnltc20m", "lnsb"}) {
        CAPTURE(hrp);
        const Result<Invoice> invoice = decode(signed_invoice(hrp, complete));
        REQUIRE_FALSE(invoice);
        CHECK(is(invoice.error(), Errc::bad_prefix));
    }
}

TEST_CASE("Payment hash, payment secret and a description are demanded") {
    CHECK(decode(signed_invoice("lnbc", complete)));
    const std::string cases[] = {
        std::string(timestamp),
        joined({timestamp, hash_field, description_field}),
        joined({timestamp, secret_field, description_field}),
        joined({timestamp, secret_field, hash_field}),
    };
    for (const std::string& letters : cases) {
        CAPTURE(letters);
        const Result<Invoice> invoice = decode(signed_invoice("lnbc", letters));
        REQUIRE_FALSE(invoice);
        CHECK(is(invoice.error(), Errc::missing_field));
    }
}

TEST_CASE("A field that runs into the signature is refused") {
    for (const char* tail : {"d", "dq", "dqq8w3", "dpqq", "d9l", "xqzp", "pp5qqq"}) {
        CAPTURE(tail);
        const Result<Invoice> invoice = decode(signed_invoice("lnbc", complete + tail));
        // "dqq8w3" is an empty `d` and then a `8` field cut short.
        REQUIRE_FALSE(invoice);
        CHECK(is(invoice.error(), Errc::bad_field));
    }
}

TEST_CASE("Of fields that may stand once the first one counts") {
    const std::string second_hash = "pp5" + std::string(52, 'q');
    const Result<Invoice> invoice = decode(signed_invoice("lnbc", complete + second_hash + "dqqxqzpuxqzpl"));
    REQUIRE(invoice);
    CHECK(invoice->payment_hash.hex() == published_hash);
    CHECK(invoice->description_text() == "test");
    CHECK(invoice->expiry.count() == 60);
}

TEST_CASE("Expiry and final cltv out of range are refused, large ones within are read") {
    CHECK(decode(signed_invoice("lnbc", complete + "xqqu" + std::string()))
              .has_error());  // field of length 0 and one letter left
    const Result<Invoice> year = decode(signed_invoice("lnbc", complete + "xqylllll"));
    REQUIRE_FALSE(year);  // five letters where four are announced: the fifth begins a field
    const Result<Invoice> large = decode(signed_invoice("lnbc", complete + "xqvllllllllllll"));  // 12 letters: 60 bits
    REQUIRE(large);
    CHECK(large->expiry.count() == (std::int64_t{1} << 60) - 1);
    CHECK(large->expires_at() > large->timestamp);
    const Result<Invoice> too_large = decode(signed_invoice("lnbc", complete + "xqdlllllllllllll"));  // 13 letters
    REQUIRE_FALSE(too_large);
    CHECK(is(too_large.error(), Errc::bad_field));
    const Result<Invoice> cltv = decode(signed_invoice("lnbc", complete + "cq8lllllll"));  // 7 letters: 35 bits
    REQUIRE_FALSE(cltv);
    CHECK(is(cltv.error(), Errc::bad_field));
    CHECK(decode(signed_invoice("lnbc", complete + "cqz5k"))->min_final_cltv == 20 * 32 + 22);
}

TEST_CASE("Compulsory features that a payer here knows are accepted, all others refused") {
    // BOLT 9 bits, written into a `9` field of 22 letters (110 bits).
    for (unsigned bit = 0; bit < 110; ++bit) {
        CAPTURE(bit);
        std::string letters(22, 'q');
        letters[21 - bit / 5] = "pzyg6"[0];
        const char by_bit[] = {'p', 'z', 'y', 'g', 's'};
        letters[21 - bit / 5] = by_bit[bit % 5];
        const Result<Invoice> invoice = decode(signed_invoice("lnbc", complete + "9qk" + letters));
        const bool known = bit % 2 == 1 || bit == 8 || bit == 14 || bit == 16 || bit == 24 || bit == 48;
        CHECK(invoice.has_value() == known);
        if (!known) CHECK(is(invoice.error(), Errc::unknown_feature));
    }
}

TEST_CASE("A stated payee must be the signer") {
    const std::string payee_field = "np4q0n326hr8v9zprg8gsvezcch06gfaqqhde2aj730yg0durunfhv66";
    const Result<Invoice> own = decode(signed_invoice("lnbc", complete + payee_field));
    REQUIRE(own);
    CHECK(own->payee.hex() == vectors::payee);
    // The generator's point did not sign this.
    const Bytes other = codec::from_hex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798").value();
    std::string letters = "np4";
    for (const std::uint8_t word : codec::to_words(other)) letters += "qpzry9x8gf2tvdw0s3jn54khce6mua7l"[word];
    const Result<Invoice> foreign = decode(signed_invoice("lnbc", complete + letters));
    REQUIRE_FALSE(foreign);
    CHECK(is(foreign.error(), Errc::bad_signature));
}

TEST_CASE("Changing any letter of an invoice leaves no invoice of the same payee") {
    // With the checksum made right again: whoever changes an invoice is not its signer.
    const Result<codec::Bech32> parts = codec::decode_bech32(vectors::coffee);
    REQUIRE(parts);
    for (std::size_t i = 0; i < parts->words.size() - 1; ++i) {  // the last word holds the recovery id
        Bytes words = parts->words;
        words[i] ^= 1;
        const Result<Invoice> invoice = decode(codec::encode_bech32(parts->hrp, words));
        if (invoice) CHECK(invoice->payee.hex() != vectors::payee);
    }
    const Result<Invoice> dearer = decode(codec::encode_bech32("lnbc2501u", parts->words));
    if (dearer) CHECK(dearer->payee.hex() != vectors::payee);
}

TEST_CASE("Each network of Core Lightning has its currency") {
    CHECK(currency_of_network("bitcoin") == "bc");
    CHECK(currency_of_network("testnet") == "tb");
    CHECK(currency_of_network("testnet4") == "tb");
    CHECK(currency_of_network("signet") == "tbs");
    CHECK(currency_of_network("regtest") == "bcrt");
    CHECK(currency_of_network("").empty());
    CHECK(currency_of_network("Bitcoin").empty());
    CHECK(currency_of_network("liquid").empty());
}

}  // namespace
}  // namespace millrace::bolt11
