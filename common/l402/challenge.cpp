#include "common/l402/challenge.hpp"

#include <algorithm>
#include <optional>

#include "common/codec/auth_challenges.hpp"
#include "common/codec/base64.hpp"

namespace millrace::l402 {
namespace {

Result<Challenge> read_challenge(const codec::AuthChallenge& offered) {
    const std::string_view named = offered.first("macaroon");
    const std::string token(named.empty() ? offered.first("token") : named);
    const std::string invoice(offered.first("invoice"));
    if (token.empty()) return fail(Errc::malformed_challenge, "no macaroon");
    if (invoice.empty()) return fail(Errc::malformed_challenge, "no invoice");
    const Result<Bytes> bytes = codec::from_base64(token);
    if (!bytes) return fail(Errc::malformed_challenge, "the macaroon is " + bytes.error().message);
    Result<macaroon::Macaroon> macaroon = macaroon::decode(*bytes);
    if (!macaroon) return fail(Errc::malformed_challenge, macaroon.error().message);
    return Challenge{token, std::move(*macaroon), invoice};
}

}  // namespace

std::vector<std::string> challenge_lines(std::string_view token_base64, std::string_view bolt11, bool lsat) {
    std::string common = "macaroon=\"";
    common.append(token_base64).append("\", invoice=\"").append(bolt11).append("\"");
    std::string current = "L402 " + common + ", version=\"0\", token=\"";
    current.append(token_base64).append("\"");
    if (!lsat) return {std::move(current)};
    return {"LSAT " + common, std::move(current)};
}

Result<std::vector<Challenge>> parse_challenges(std::span<const std::string> www_authenticate) {
    std::vector<Challenge> out;
    std::optional<Error> first_fault;
    for (const codec::AuthChallenge& offered : codec::parse_auth_challenges(www_authenticate)) {
        if (!offered.is("L402") && !offered.is("LSAT")) continue;
        Result<Challenge> challenge = read_challenge(offered);
        if (!challenge) {
            if (!first_fault) first_fault = challenge.error();
            continue;
        }
        const auto same = [&](const Challenge& other) {
            return other.token_base64 == challenge->token_base64 && other.bolt11 == challenge->bolt11;
        };
        if (std::none_of(out.begin(), out.end(), same)) out.push_back(std::move(*challenge));
    }
    if (!out.empty()) return out;
    if (first_fault) return *first_fault;
    return fail(Errc::malformed_challenge, "no L402 or LSAT challenge in WWW-Authenticate");
}

Result<Challenge> parse_challenge(std::span<const std::string> www_authenticate) {
    Result<std::vector<Challenge>> challenges = parse_challenges(www_authenticate);
    if (!challenges) return challenges.error();
    return std::move(challenges->front());
}

}  // namespace millrace::l402
