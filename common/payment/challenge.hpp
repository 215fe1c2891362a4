// The challenge of the Payment scheme (draft-httpauth-payment): what a 402 offers, one header line an offer.
//
//   WWW-Authenticate: Payment id="...", realm="...", method="lightning", intent="charge", request="<base64url>",
//                     expires="2026-03-15T12:05:00Z"      [digest="..."] [description="..."] [opaque="..."]
//                     [header="..."]
//   id := base64url(HMAC-SHA256(secret, realm|method|intent|request|expires|digest|opaque))    absent ones are empty
//
// The "|" is not escaped, so two sets of parameters could share an id: whoever verifies one must compare method and
// intent with fixed words and the realm with one that has no "|".
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/codec/bytes.hpp"
#include "common/payment/payment_error.hpp"

namespace millrace::payment {

struct Challenge {
    std::string id;
    std::string realm;
    std::string method;
    std::string intent;
    std::string request;  // base64url of canonical JSON
    std::string expires;  // RFC 3339; this and what follows: empty where absent
    std::string digest;
    std::string description;  // not covered by the id
    std::string opaque;
    std::string header = {};  // the field that is to carry the credential; not covered by the id; absent: Authorization
    bool operator==(const Challenge&) const = default;
};

// The id that `challenge` has under `secret`, whatever stands in challenge.id.
[[nodiscard]] std::string challenge_id(ByteView secret, const Challenge& challenge);

// The value of a WWW-Authenticate line. Control characters cannot stand in a header and are left out.
[[nodiscard]] std::string challenge_line(const Challenge& challenge);

// The Payment challenges among the values of WWW-Authenticate, in order, other schemes skipped. Names are read in any
// case, values as tokens or quoted; the first of several parameters of one name counts; a challenge that lacks a
// required one is skipped. Errors: malformed_challenge where none is left.
[[nodiscard]] Result<std::vector<Challenge>> parse_challenges(std::span<const std::string> www_authenticate);

}  // namespace millrace::payment
