#include "service/paywall/charge_use.hpp"

#include <set>

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;
using paywall::ChargeAdmission;

namespace {

const std::chrono::sys_seconds noon{1'800'000'000s};
const crypto::Digest request = paywall::request_digest("GET", "api.example.com", "/x?a=1");

paywall::ChargeUse use(std::chrono::sys_seconds at = noon) {
    return {PaymentHash{}, "id", "weather", request, true, at, noon + 10min};
}

paywall::ChargeRecord record(unsigned replays = 0) {
    return {"id", request, replays, noon + 10min};
}

paywall::ChargeRecord released(std::chrono::minutes repeatable_for = 10min) {
    return {"id", request, 0, noon + repeatable_for, true};
}

}  // namespace

TEST_CASE("A charge is let through once, and again only where that does no harm") {
    const crypto::Digest other = paywall::request_digest("GET", "api.example.com", "/x?a=2");
    paywall::ChargeUse unrepeatable = use(noon + 1s);
    unrepeatable.repeatable = false;
    paywall::ChargeUse other_request = use(noon + 1s);
    other_request.request = other;
    paywall::ChargeUse other_challenge = use(noon + 1s);
    other_challenge.challenge_id = "another";
    paywall::ChargeUse other_unrepeatable = other_request;
    other_unrepeatable.repeatable = false;
    struct Case {
        const char* what;
        paywall::ChargeUse use;
        std::optional<paywall::ChargeRecord> earlier;
        ChargeAdmission admission;
    };
    const Case cases[] = {
        {"never used", use(), std::nullopt, ChargeAdmission::first},
        {"never used, not repeatable", unrepeatable, std::nullopt, ChargeAdmission::first},
        {"in its last second", use(noon + 10min - 1s), std::nullopt, ChargeAdmission::first},
        {"never used, too late", use(noon + 10min), std::nullopt, ChargeAdmission::expired},
        {"again", use(noon + 1s), record(), ChargeAdmission::replay},
        {"for the last time", use(noon + 1s), record(paywall::max_replays - 1), ChargeAdmission::replay},
        {"too often", use(noon + 1s), record(paywall::max_replays), ChargeAdmission::worn_out},
        {"again, late", use(noon + 10min - 1s), record(), ChargeAdmission::replay},
        {"again, too late", use(noon + 10min), record(), ChargeAdmission::worn_out},
        {"again, where that does harm", unrepeatable, record(), ChargeAdmission::not_repeatable},
        {"for another request", other_request, record(), ChargeAdmission::other_request},
        {"for another request that does harm", other_unrepeatable, record(), ChargeAdmission::other_request},
        {"under another challenge", other_challenge, record(), ChargeAdmission::other_request},
        {"taken back", unrepeatable, released(), ChargeAdmission::first},
        {"taken back, for another request", other_request, released(), ChargeAdmission::first},
        {"taken back, under another challenge", other_challenge, released(), ChargeAdmission::first},
        {"taken back, late", use(noon + 14min), released(15min), ChargeAdmission::first},
        {"taken back, too late", use(noon + 15min), released(15min), ChargeAdmission::expired},
    };
    for (const Case& one : cases) {
        CAPTURE(one.what);
        const ChargeAdmission admission = paywall::admit_charge(one.use, one.earlier);
        CHECK(paywall::name(admission) == paywall::name(one.admission));
        CHECK(paywall::lets_through(admission) ==
              (admission == ChargeAdmission::first || admission == ChargeAdmission::replay));
    }
}

TEST_CASE("A response may be asked for again for five minutes, or for as long as the challenge lasts") {
    CHECK(paywall::replay_until(use(noon)) == noon + 10min);
    CHECK(paywall::replay_until(use(noon + 9min)) == noon + 14min);
    CHECK(paywall::replay_until(use(noon + 5min)) == noon + 10min);
}

TEST_CASE("Two requests that differ in method, host or target are two") {
    std::set<crypto::Digest> digests;
    for (const char* method : {"GET", "HEAD"}) {
        for (const char* host : {"a", "b", ""}) {
            for (const char* target : {"/", "/a", "/a?", "/a?b"})
                digests.insert(paywall::request_digest(method, host, target));
        }
    }
    CHECK(digests.size() == 24);
}

TEST_CASE("Each outcome of a charge's use has a name and a sentence") {
    std::set<std::string_view> names;
    for (int value = 0; value <= static_cast<int>(ChargeAdmission::token_used); ++value) {
        const auto admission = static_cast<ChargeAdmission>(value);
        names.insert(paywall::name(admission));
        CHECK_FALSE(paywall::explain(admission).empty());
    }
    CHECK(names.size() == 7);
    CHECK_FALSE(names.contains("unknown"));
}
