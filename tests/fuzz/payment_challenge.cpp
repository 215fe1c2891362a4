// Challenges of the Payment scheme and Accept-Payment: each line of the input is a header value. What is read can be
// written and read again, and its request, where it is a charge or a session, too.
#include "common/payment/challenge.hpp"

#include <string>
#include <vector>

#include "common/payment/accept_payment.hpp"
#include "common/payment/charge_request.hpp"
#include "common/payment/session_request.hpp"
#include "common/payment/timestamp.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace {
namespace {

using namespace payment;

bool has_control(std::string_view text) {
    for (const char c : text) {
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return true;
    }
    return false;
}

void check_challenge(const Challenge& challenge) {
    const std::string line = challenge_line(challenge);
    FUZZ_REQUIRE(!has_control(line));
    bool written_as_is = true;
    for (const std::string* part :
         {&challenge.id, &challenge.realm, &challenge.method, &challenge.intent, &challenge.request, &challenge.expires,
          &challenge.digest, &challenge.description, &challenge.opaque, &challenge.header})
        written_as_is = written_as_is && !has_control(*part);
    if (written_as_is) {
        const Result<std::vector<Challenge>> again = parse_challenges(std::vector{line});
        FUZZ_REQUIRE(again);
        FUZZ_REQUIRE(again->size() == 1);
        FUZZ_REQUIRE(again->front() == challenge);
    }
    if (const Result<ChargeRequest> request = decode_charge_request(challenge.request)) {
        FUZZ_REQUIRE(request->amount_sat > 0);
        FUZZ_REQUIRE(decode_charge_request(encode(*request)).value() == *request);
    }
    if (const Result<SessionRequest> request = decode_session_request(challenge.request)) {
        FUZZ_REQUIRE(request->amount_sat > 0);
        FUZZ_REQUIRE(decode_session_request(encode(*request)).value() == *request);
    }
    if (const auto expires = parse_timestamp(challenge.expires))
        FUZZ_REQUIRE(parse_timestamp(write_timestamp(*expires)).value() == *expires);
}

}  // namespace
}  // namespace millrace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace millrace;
    fuzz::Input input(data, size);
    std::vector<std::string> lines;
    while (!input.empty()) lines.emplace_back(input.line());
    if (const auto challenges = payment::parse_challenges(lines)) {
        FUZZ_REQUIRE(!challenges->empty());
        for (const payment::Challenge& challenge : *challenges) check_challenge(challenge);
    }
    for (const std::string& line : lines) {
        const auto ranges = payment::parse_accept_payment(line);
        if (!ranges) continue;
        for (const payment::PaymentRange& range : *ranges) FUZZ_REQUIRE(range.quality <= 1000);
        constexpr payment::Offer offers[] = {{"lightning", "charge"}, {"lightning", "session"}};
        FUZZ_REQUIRE(payment::negotiate(*ranges, offers).size() <= 2);
    }
    return 0;
}
