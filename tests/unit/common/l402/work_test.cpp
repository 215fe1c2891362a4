#include "common/l402/work.hpp"

#include "common/codec/base64.hpp"
#include "common/codec/hex.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::l402;

namespace {

TokenId token_id(std::uint8_t number) {
    std::array<std::uint8_t, 32> bytes{};
    bytes[31] = number;
    return TokenId(bytes);
}

macaroon::Macaroon task(std::uint8_t number) {
    const Identifier identifier{PaymentHash{}, token_id(number)};
    return macaroon::Macaroon::create(std::array<std::uint8_t, 32>{}, identifier.encode(), "lsat");
}

std::string base64(const macaroon::Macaroon& macaroon) {
    return codec::to_base64(macaroon::encode_v2(macaroon));
}

}  // namespace

TEST_CASE("the digest is that of the token id and the nonce, big-endian") {
    std::array<std::uint8_t, 40> bytes{};
    bytes[31] = 7;
    bytes[38] = 1;
    bytes[39] = 2;
    CHECK(work_digest(token_id(7), 0x0102) == crypto::sha256(bytes));
    // SHA256(00*40), by sha256sum.
    CHECK(codec::to_hex(work_digest(token_id(0), 0)) ==
          "2c34ce1df23b838c5abf2a7f6437cca3d3067ed509ff25f11df6b11b582b51eb");
}

TEST_CASE("leading zero bits") {
    crypto::Digest digest{};
    CHECK(leading_zero_bits(digest) == 256);
    digest[0] = 0x80;
    CHECK(leading_zero_bits(digest) == 0);
    digest[0] = 0x01;
    CHECK(leading_zero_bits(digest) == 7);
    digest[0] = 0;
    digest[1] = 0x1f;
    CHECK(leading_zero_bits(digest) == 11);
}

TEST_CASE("work is found where there is some, within the tries") {
    const auto nonce = solve_work(token_id(1), 12, 1U << 20U);
    REQUIRE(nonce);
    CHECK(leading_zero_bits(work_digest(token_id(1), *nonce)) >= 12);
    CHECK_FALSE(solve_work(token_id(1), 12, *nonce));
    CHECK(solve_work(token_id(1), 0, 1) == 0U);
    CHECK_FALSE(solve_work(token_id(1), 200, 1000));
}

TEST_CASE("the caveat of a solution") {
    CHECK(work_caveat({20, 0xab}) == "pow=20:00000000000000ab");
    struct {
        const char* text;
        std::optional<WorkSolution> expected;
    } const cases[] = {
        {"pow=20:00000000000000ab", WorkSolution{20, 0xab}},
        {"pow=20:AB", WorkSolution{20, 0xab}},
        {"pow=0:ffffffffffffffff", WorkSolution{0, UINT64_MAX}},
        {"pow=20:", std::nullopt},
        {"pow=20", std::nullopt},
        {"pow=:ab", std::nullopt},
        {"pow=256:ab", std::nullopt},
        {"pow=-1:ab", std::nullopt},
        {"pow=20:0x1", std::nullopt},
        {"pow=20:000000000000000ab", std::nullopt},
        {"pow=20:12 ", std::nullopt},
        {"POW=20:12", std::nullopt},
        {"", std::nullopt},
    };
    for (const auto& c : cases) {
        INFO(c.text);
        CHECK(parse_work_caveat(c.text) == c.expected);
    }
}

TEST_CASE("a challenge is written and read, others are passed over") {
    const std::string token = base64(task(3));
    CHECK(work_line(token, 20) == "L402 macaroon=\"" + token + "\", pow=\"20\"");
    struct {
        std::string line;
        std::optional<unsigned> bits;
    } const cases[] = {
        {work_line(token, 20), 20},
        {"l402 pow=\"9\",macaroon=\"" + token + "\"", 9},
        {"LSAT macaroon=\"" + token + "\", pow=\"0\"", 0},
        {"L402 macaroon=\"" + token + "\", invoice=\"lnbc1\"", std::nullopt},
        {"L402 macaroon=\"" + token + "\", xpow=\"20\"", std::nullopt},
        {"L402 macaroon=\"" + token + "\", pow=\"20", std::nullopt},
        {"L402 macaroon=\"" + token + "\", pow=\"1e3\"", std::nullopt},
        {"L402 macaroon=\"" + token + "\", pow=\"99999999999\"", std::nullopt},
        {"L402 macaroon=\"AAAA\", pow=\"20\"", std::nullopt},
        {"L402 macaroon=\"%\", pow=\"20\"", std::nullopt},
        {"Payment macaroon=\"" + token + "\", pow=\"20\"", std::nullopt},
        {"L402", std::nullopt},
        {"", std::nullopt},
    };
    for (const auto& c : cases) {
        INFO(c.line);
        const std::vector<std::string> lines = {"Basic realm=\"x\"", c.line};
        const auto read = parse_work(lines);
        REQUIRE(read.has_value() == c.bits.has_value());
        if (!read) continue;
        CHECK(read->bits == *c.bits);
        CHECK(read->token_id == token_id(3));
    }
}

TEST_CASE("a credential of work") {
    macaroon::Macaroon solved = task(3);
    solved.add_first_party_caveat(work_caveat({1, 2}));
    const std::string value = work_authorization(solved);
    CHECK(value == "L402 " + base64(solved) + ":POW");
    const auto read = parse_work_authorization(value);
    REQUIRE(read);
    CHECK(read->signature == solved.signature);
    CHECK(is_work_authorization("lsat\tAAAA:POW "));
    for (const char* other : {"L402 AAAA:pow", "L402:POW", "L402 :POWER", "Bearer AAAA:POW", "L402", "", "POW"})
        CHECK_FALSE(is_work_authorization(other));
    for (const char* bad : {"L402 AAAA:POW", "L402 :POW", "L402 %%%%:POW"}) {
        INFO(bad);
        CHECK_FALSE(parse_work_authorization(bad));
    }
    CHECK_FALSE(parse_work_authorization("L402 " + std::string(17 * 1024, 'A') + ":POW"));
}
