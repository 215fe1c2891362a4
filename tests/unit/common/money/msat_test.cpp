#include "common/money/msat.hpp"

#include "tests/unit/catch.hpp"
#include "tests/unit/common/random.hpp"

namespace millrace {
namespace {

TEST_CASE("An amount is read in every form that Core Lightning takes") {
    struct Case {
        const char* text;
        std::uint64_t msat;
    };
    const Case cases[] = {
        {"0", 0},
        {"1", 1},
        {"1000", 1000},
        {"007", 7},
        {"1000msat", 1000},
        {"0msat", 0},
        {"1sat", 1000},
        {"10sat", 10'000},
        {"1.5sat", 1500},
        {"0.001sat", 1},
        {"0.123sat", 123},
        {"1btc", 100'000'000'000},
        {"0.00000001btc", 1000},
        {"0.00000010btc", 10'000},
        {"0.00000000001btc", 1},
        {"0.12345678901btc", 12'345'678'901},
        {"21000000btc", Msat::max_value},
        {"21000000.00000000000btc", Msat::max_value},
        {"2100000000000000sat", Msat::max_value},
        {"2100000000000000000", Msat::max_value},
    };
    for (const Case& c : cases) {
        CAPTURE(c.text);
        const Result<Msat> read = Msat::parse(c.text);
        REQUIRE(read);
        CHECK(read->value() == c.msat);
    }
}

TEST_CASE("What is not a whole number of millisatoshi is refused") {
    const char* const cases[] = {
        "",      " ",    "msat",  "sat",     "btc",   "-1",       "-1msat",    "+1",        "1 sat",
        " 1",    "1 ",   "1.0",   "1.0msat", "1.sat", ".5sat",    "1.0000sat", "1.2345sat", "0.000000000001btc",
        "1e3",   "0x10", "1,000", "1_000",   "1SAT",  "1Msat",    "1.2.3sat",  "1msat1",    "sat1",
        "1mbtc", "nan",  "inf",   "1\n",     "\t1",   "1msatsat", "1btcsat",   "\xc3\xa9"};
    for (const char* text : cases) {
        CAPTURE(text);
        const Result<Msat> read = Msat::parse(text);
        REQUIRE_FALSE(read);
        CHECK(is(read.error(), MoneyErrc::not_an_amount));
        CHECK(read.error().message.find("not an amount") == 0);
    }
    const std::string with_nul("1\0", 2);
    CHECK_FALSE(Msat::parse(with_nul));
}

TEST_CASE("More than 21 million bitcoin is out of range, however it is written") {
    const char* const cases[] = {"2100000000000000001",
                                 "2100000000000000001msat",
                                 "2100000000000000.001sat",
                                 "21000000.00000000001btc",
                                 "21000001btc",
                                 "18446744073709551615",
                                 "18446744073709551616",
                                 "18446744073709551616sat",
                                 "184467440737095517btc",
                                 "99999999999999999999999999999999999999999999999999btc"};
    for (const char* text : cases) {
        CAPTURE(text);
        const Result<Msat> read = Msat::parse(text);
        REQUIRE_FALSE(read);
        CHECK(is(read.error(), MoneyErrc::out_of_range));
    }
}

TEST_CASE("The message of a refused amount does not repeat an endless input") {
    const Result<Msat> read = Msat::parse(std::string(100'000, 'x'));
    REQUIRE_FALSE(read);
    CHECK(read.error().message.size() < 300);
}

TEST_CASE("Money never wraps and never goes below zero") {
    CHECK(Msat(3).minus(Msat(2)) == Msat(1));
    CHECK(Msat(3).minus(Msat(3)) == Msat(0));
    CHECK(Msat(3).minus(Msat(4)) == std::nullopt);
    CHECK(Msat(0).minus(Msat(UINT64_MAX)) == std::nullopt);
    CHECK(Msat(3).plus(Msat(2)) == Msat(5));
    CHECK(Msat(UINT64_MAX).plus(Msat(0)) == Msat(UINT64_MAX));
    CHECK(Msat(UINT64_MAX).plus(Msat(1)) == std::nullopt);
    CHECK(Msat(UINT64_MAX - 1).plus(Msat(2)) == std::nullopt);
    CHECK(Msat(1) < Msat(2));
    CHECK(Msat() == Msat(0));
}

TEST_CASE("An amount that was written is read back as it was") {
    test::Random random(1);
    for (int i = 0; i < 2000; ++i) {
        const Msat amount(random.any_magnitude() % (Msat::max_value + 1));
        const Result<Msat> read = Msat::parse(amount.text());
        REQUIRE(read);
        CHECK(*read == amount);
    }
}

}  // namespace
}  // namespace millrace
