// L402 in HTTP headers: each line of the input is a header field "name: value". Credentials and challenges that are
// read can be written and read again, and no credential is ever good under a key that did not make it.
#include "common/codec/base64.hpp"

#include <string>
#include <vector>
#include "common/l402/challenge.hpp"
#include "common/l402/credential.hpp"
#include "common/l402/token.hpp"
#include "common/l402/work.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace {
namespace {

using namespace l402;

void check_credential(const Credential& credential) {
    const auto identifier = credential.identifier.encode();
    FUZZ_REQUIRE(to_bytes(identifier) == credential.macaroon.identifier);

    const std::string token = codec::to_base64(macaroon::encode_v2(credential.macaroon));
    const std::string value = authorization_value(token, credential.preimage);
    if (value.size() <= max_credential_size) {
        const Result<Credential> again = parse_authorization(value);
        FUZZ_REQUIRE(again);
        FUZZ_REQUIRE(again->macaroon.signature == credential.macaroon.signature);
        FUZZ_REQUIRE(again->preimage.equals(credential.preimage));
        const HeaderField twice[] = {{"Authorization", value}, {"authorization", value}};
        FUZZ_REQUIRE(find_credential(twice).value().has_value());
    }

    KeyRing keys;
    keys.current = credential.identifier.epoch();
    keys.keys.emplace(keys.current, SecretKey{});
    const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000));
    FUZZ_REQUIRE(verify(credential, keys, "weather", now) == Refusal::bad_signature);
    FUZZ_REQUIRE(verify_any_service(credential, keys, now) == Refusal::bad_signature);
    FUZZ_REQUIRE(verify(credential, KeyRing{}, "weather", now) == Refusal::unknown_key);

    // The caveats as a token of ours would carry them, each before and after the moment.
    macaroon::Macaroon signed_here =
        mint(SecretKey{}, credential.identifier, *ServiceName::parse("weather"), {.price = Msat(1000)});
    for (const macaroon::Caveat& caveat : credential.macaroon.caveats) {
        if (caveat.first_party() && signed_here.caveats.size() < macaroon::max_caveats)
            signed_here.add_first_party_caveat(caveat.text());
    }
    const Credential ours{signed_here, credential.identifier, credential.preimage};
    const std::optional<Refusal> refusal = verify(ours, keys, "weather", now);
    FUZZ_REQUIRE(refusal != Refusal::bad_signature && refusal != Refusal::unknown_key);
    FUZZ_REQUIRE(verify(ours, keys, "maps", now).has_value());  // never sold
    if (refusal) FUZZ_REQUIRE(!name(*refusal).empty() && !explain(*refusal).empty());
}

void check_challenge(const std::vector<std::string>& lines) {
    const Result<Challenge> challenge = parse_challenge(lines);
    if (!challenge) return;
    if (challenge->bolt11.find_first_of("\"\\") != std::string::npos)
        return;  // no invoice has them; our lines do not escape
    const std::string token = codec::to_base64(macaroon::encode_v2(challenge->macaroon));
    const std::vector<std::string> ours = challenge_lines(token, challenge->bolt11);
    const std::string joined = ours[0] + ", " + ours[1];
    for (const std::vector<std::string>& form : {ours, std::vector{ours[1]}, std::vector{joined}}) {
        const Result<Challenge> again = parse_challenge(form);
        FUZZ_REQUIRE(again);
        FUZZ_REQUIRE(again->token_base64 == token);
        FUZZ_REQUIRE(again->bolt11 == challenge->bolt11);
        FUZZ_REQUIRE(again->macaroon.signature == challenge->macaroon.signature);
    }
}

void check_work(const std::vector<std::string>& challenges, std::string_view authorization) {
    if (const auto task = parse_work(challenges)) {
        const std::string line = work_line(codec::to_base64(macaroon::encode_v2(task->macaroon)), task->bits);
        const auto again = parse_work(std::vector{line});
        FUZZ_REQUIRE(again && again->bits == task->bits && again->token_id == task->token_id);
    }
    const Result<macaroon::Macaroon> solved = parse_work_authorization(authorization);
    if (!solved) return;
    FUZZ_REQUIRE(is_work_authorization(authorization));
    const std::string value = work_authorization(*solved);
    const Result<macaroon::Macaroon> again = parse_work_authorization(value);
    FUZZ_REQUIRE(again || value.size() > max_credential_size);
    if (again) FUZZ_REQUIRE(again->signature == solved->signature);
    for (const macaroon::Caveat& caveat : solved->caveats) {
        const auto solution = parse_work_caveat(caveat.text());
        if (solution) FUZZ_REQUIRE(parse_work_caveat(work_caveat(*solution)) == solution);
    }
}

}  // namespace
}  // namespace millrace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace millrace;
    fuzz::Input input(data, size);
    std::vector<l402::HeaderField> headers;
    std::vector<std::string> challenges;
    while (!input.empty()) {
        const std::string_view line = input.line();
        const std::size_t colon = line.find(": ");
        const std::string_view name = line.substr(0, colon);
        const std::string_view value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 2);
        headers.emplace_back(name, value);
        if (name == "WWW-Authenticate") challenges.emplace_back(value);
    }
    const Result<std::optional<l402::Credential>> found = l402::find_credential(headers);
    if (found && *found) {
        check_credential(**found);
        // What brought it is never let through to an upstream.
        bool carried = false;
        for (const auto& [name, value] : headers) carried = carried || l402::is_credential_header(name);
        FUZZ_REQUIRE(carried);
    }
    check_challenge(challenges);
    for (const auto& [name, value] : headers) check_work(challenges, value);
    if (headers.empty()) check_work(challenges, {});
    return 0;
}
