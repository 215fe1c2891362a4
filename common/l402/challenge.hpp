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

// Reads the first L402 or LSAT challenge out of the WWW-Authenticate values of a response (each may hold a
// comma-joined list). Scheme and parameter names in any case; `token=` or `macaroon=`; unknown parameters are ignored.
// Errors: malformed_challenge.
[[nodiscard]] Result<Challenge> parse_challenge(std::span<const std::string> www_authenticate);

}  // namespace millrace::l402
