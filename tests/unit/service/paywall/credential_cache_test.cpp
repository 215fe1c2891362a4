#include "service/paywall/credential_cache.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using paywall::CredentialCache;

namespace {

paywall::VerifiedCredential verified(std::uint8_t mark) {
    l402::Identifier identifier;
    identifier.token_id = l402::make_token_id(mark, {});
    return {identifier, {}, "X: " + std::to_string(mark), false, {}};
}

}  // namespace

TEST_CASE("what was verified for one service is not there for another, nor under another text") {
    CredentialCache cache;
    cache.add(CredentialCache::key("L402 a:b", 1), verified(1));
    REQUIRE(cache.find(CredentialCache::key("L402 a:b", 1)));
    CHECK(cache.find(CredentialCache::key("L402 a:b", 1))->forward_headers == "X: 1");
    CHECK_FALSE(cache.find(CredentialCache::key("L402 a:b", 0)));
    CHECK_FALSE(cache.find(CredentialCache::key("L402 a:B", 1)));
    CHECK_FALSE(cache.find(CredentialCache::key("LSAT a:b", 1)));
    cache.clear();
    CHECK_FALSE(cache.find(CredentialCache::key("L402 a:b", 1)));
}

TEST_CASE("the cache is bounded and keeps what is in use") {
    CredentialCache cache;
    auto steady = CredentialCache::key("steady", 0);
    cache.add(steady, verified(1));
    for (std::size_t i = 0; i < 4 * CredentialCache::generation_size; ++i) {
        cache.add(CredentialCache::key("token " + std::to_string(i), 0), verified(2));
        REQUIRE(cache.find(steady));
        REQUIRE(cache.size() <= 2 * CredentialCache::generation_size + 1);
    }
    CHECK_FALSE(cache.find(CredentialCache::key("token 0", 0)));
}
