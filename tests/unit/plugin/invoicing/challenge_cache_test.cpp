#include "plugin/invoicing/challenge_cache.hpp"

#include "tests/unit/catch.hpp"

namespace millrace::invoicing {
namespace {

PaymentHash hash(std::uint8_t number) {
    std::array<std::uint8_t, 32> bytes{};
    bytes.back() = number;
    return PaymentHash(bytes);
}

TEST_CASE("what was remembered is found, and the oldest is forgotten first") {
    ChallengeCache cache(3);
    for (std::uint8_t i = 1; i <= 4; ++i) cache.remember(hash(i), "invoice " + std::to_string(i));
    CHECK(cache.size() == 3);
    CHECK(cache.find(hash(1)) == nullptr);
    REQUIRE(cache.find(hash(2)) != nullptr);
    CHECK(*cache.find(hash(4)) == "invoice 4");
    CHECK(cache.find(hash(9)) == nullptr);
}

TEST_CASE("remembering again replaces and takes no further place") {
    ChallengeCache cache(2);
    cache.remember(hash(1), "old");
    cache.remember(hash(1), "new");
    cache.remember(hash(2), "other");
    CHECK(cache.size() == 2);
    CHECK(*cache.find(hash(1)) == "new");
}

}  // namespace
}  // namespace millrace::invoicing
