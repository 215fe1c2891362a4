// WWW-Authenticate taken apart (RFC 9110 §11.6.1), as servers in the wild write it:
//
//   value     := challenge *( "," challenge )                     several values make one list
//   challenge := scheme 1*SP parameter *( ( "," | SP ) parameter )   some servers leave out the comma
//   parameter := name *SP "=" *SP ( token | quoted-string )
//
// A word that no "=" follows begins a challenge. Credentials without a name (`Negotiate dGVzdA==`) come out as
// parameters that nobody asks for.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::codec {

struct AuthChallenge {
    std::string scheme;                                           // as received
    std::vector<std::pair<std::string, std::string>> parameters;  // names as received, values without quotes

    [[nodiscard]] bool is(std::string_view name) const;  // whether this is the scheme, in any case

    // The value of the first parameter of this name, in any case; empty where there is none.
    [[nodiscard]] std::string_view first(std::string_view name) const;
};

// The challenges of all values, in order. What follows quotes that are never closed is left out.
[[nodiscard]] std::vector<AuthChallenge> parse_auth_challenges(std::span<const std::string> www_authenticate);

}  // namespace millrace::codec
