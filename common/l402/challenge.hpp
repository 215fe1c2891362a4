// The L402 challenge: what a 402 says in WWW-Authenticate.
//
// Clients in the wild parse it with regular expressions of their own, hence these lines in this order, byte for byte:
//   LSAT macaroon="<base64>", invoice="<bolt11>"
//   L402 macaroon="<base64>", invoice="<bolt11>", version="0", token="<base64>"
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/l402/l402_error.hpp"
#include "common/macaroon/macaroon.hpp"

namespace millrace::l402 {

// The values of the WWW-Authenticate lines of a 402, in the order in which they must be sent. Without `lsat`: the L402
// line alone, for clients that refuse what they do not know.
[[nodiscard]] std::vector<std::string> challenge_lines(std::string_view token_base64, std::string_view bolt11,
                                                       bool lsat = true);

struct Challenge {
    std::string token_base64;  // as received
    macaroon::Macaroon macaroon;
    std::string bolt11;
};

// The L402 and LSAT challenges among the WWW-Authenticate values of a response (each may hold a comma-joined list), in
// order. Scheme and parameter names in any case, with or without space around "="; `macaroon=`, else `token=`; unknown
// parameters are ignored, and so is a challenge that cannot be read or that says the same as one before it.
// Errors: malformed_challenge where none is left.
[[nodiscard]] Result<std::vector<Challenge>> parse_challenges(std::span<const std::string> www_authenticate);

// The first of them.
[[nodiscard]] Result<Challenge> parse_challenge(std::span<const std::string> www_authenticate);

}  // namespace millrace::l402
