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

CredentialCache::Key key(std::string_view authorization, std::size_t service) {
    return {authorization, service};
}

}  // namespace

TEST_CASE("what was verified for one service is not there for another, nor under another text") {
    CredentialCache cache;
    cache.add(key("L402 a:b", 1), verified(1));
    REQUIRE(cache.find(key("L402 a:b", 1)));
    CHECK(cache.find(key("L402 a:b", 1))->forward_headers == "X: 1");
    CHECK_FALSE(cache.find(key("L402 a:b", 0)));
    CHECK_FALSE(cache.find(key("L402 a:B", 1)));
    CHECK_FALSE(cache.find(key("LSAT a:b", 1)));
    cache.clear();
    CHECK_FALSE(cache.find(key("L402 a:b", 1)));
}

TEST_CASE("the cache is bounded and keeps what is in use") {
    CredentialCache cache;
    const CredentialCache::Key steady = key("steady", 0);
    cache.add(steady, verified(1));
    for (std::size_t i = 0; i < 4 * CredentialCache::generation_size; ++i) {
        cache.add(key("token " + std::to_string(i), 0), verified(2));
        REQUIRE(cache.find(steady));
        REQUIRE(cache.size() <= 2 * CredentialCache::generation_size + 1);
    }
    CHECK_FALSE(cache.find(key("token 0", 0)));
}

TEST_CASE("what is kept is its own, and what is too long is not kept") {
    CredentialCache cache;
    {
        const std::string gone = "L402 a:b";
        cache.add({gone, 1}, verified(1));
        cache.add({gone, 1}, verified(2));
    }
    REQUIRE(cache.find({"L402 a:b", 1}));
    CHECK(cache.find({"L402 a:b", 1})->forward_headers == "X: 2");
    CHECK(cache.size() == 1);
    const std::string most(CredentialCache::longest, 'x');
    cache.add({most, 1}, verified(3));
    CHECK(cache.find({most, 1}));
    cache.add({most + 'x', 1}, verified(3));
    CHECK_FALSE(cache.find({most + 'x', 1}));
}
