#include "service/paywall/challenge_book.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;
using paywall::ChallengeBook;

namespace {

const ChallengeBook::Time noon{std::chrono::seconds(1'800'000'000)};

paywall::ChallengeKey key(std::uint64_t prefix, std::uint64_t price = 1000) {
    return {{prefix}, "weather", price, "", ""};
}

ChallengeBook::Challenge challenge(std::uint8_t mark, ChallengeBook::Time now) {
    auto out = std::make_shared<gateway::IssuedChallenge>();
    out->payment_hash = PaymentHash(std::array<std::uint8_t, 32>{mark});
    out->expires_at = std::chrono::floor<std::chrono::seconds>(now) + 600s;
    return out;
}

ChallengeBook::Waiter nobody() {
    return [](const ChallengeBook::Outcome&) {};
}

std::string ask(ChallengeBook& book, const paywall::ChallengeKey& which, ChallengeBook::Time now = noon) {
    auto answer = book.ask(which, now, nobody());
    if (auto* fresh = std::get_if<ChallengeBook::Fresh>(&answer))
        return "fresh " + std::to_string(fresh->challenge->payment_hash.view()[0]);
    if (std::holds_alternative<ChallengeBook::Join>(answer)) return "join";
    if (std::holds_alternative<ChallengeBook::Issue>(answer)) return "issue";
    return std::get<ChallengeBook::Refusal>(answer) == ChallengeBook::Refusal::prefix_full ? "prefix full"
                                                                                           : "book full";
}

}  // namespace

TEST_CASE("whoever asks again from the same network gets the challenge that is fresh") {
    ChallengeBook book({});
    CHECK(ask(book, key(1)) == "issue");
    CHECK(ask(book, key(1)) == "join");
    CHECK(ask(book, key(2)) == "issue");
    CHECK(ask(book, key(1, 2000)) == "issue");
    CHECK(book.issued(key(1), challenge(7, noon), noon).size() == 2);
    CHECK(ask(book, key(1)) == "fresh 7");
    CHECK(ask(book, key(1), noon + 299s) == "fresh 7");
    CHECK(ask(book, key(1), noon + 300s) == "issue");  // half of its life is over
}

TEST_CASE("one that is paid, or whose keys are gone, is given to nobody else") {
    ChallengeBook book({});
    CHECK(ask(book, key(1)) == "issue");
    (void)book.issued(key(1), challenge(7, noon), noon);
    book.paid(challenge(8, noon)->payment_hash);
    CHECK(ask(book, key(1)) == "fresh 7");
    book.paid(challenge(7, noon)->payment_hash);
    CHECK(ask(book, key(1)) == "issue");
    (void)book.issued(key(1), challenge(9, noon), noon);
    CHECK(ask(book, key(2)) == "issue");
    book.forget_issued();
    CHECK(ask(book, key(1)) == "issue");
    CHECK(ask(book, key(2)) == "join");  // still being issued
}

TEST_CASE("one that could not be issued is asked for anew") {
    ChallengeBook book({});
    CHECK(ask(book, key(1)) == "issue");
    CHECK(ask(book, key(1)) == "join");
    CHECK(book.failed(key(1)).size() == 2);
    CHECK(book.size() == 0);
    CHECK(ask(book, key(1)) == "issue");
}

TEST_CASE("open challenges are bounded, of a network and in all, and make room when they are stale") {
    ChallengeBook book({2, 3});
    for (auto price : {std::uint8_t{1}, std::uint8_t{2}}) {
        CHECK(ask(book, key(1, price)) == "issue");
        (void)book.issued(key(1, price), challenge(price, noon), noon);
    }
    CHECK(ask(book, key(1, 3)) == "prefix full");
    CHECK(ask(book, key(1, 2)) == "fresh 2");
    CHECK(ask(book, key(2)) == "issue");
    CHECK(ask(book, key(3)) == "book full");
    CHECK(book.size() == 3);
    CHECK(ask(book, key(1, 3), noon + 300s) == "issue");
    CHECK(ask(book, key(3), noon + 300s) == "issue");
    CHECK(book.size() == 3);
}
