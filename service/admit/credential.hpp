// What a request brings to be let in, parsed once: one alternative a scheme.
//
//   Authorization: L402 <macaroon>:<preimage> and its kin     Token         common/l402/credential.hpp has the spellings
//   Authorization: L402 <macaroon>:POW                        Work          where the configuration knows of work
//   Authorization: Payment <base64url>                        Payment       a charge or a session, by its intent
//
// A service on trial takes whatever comes, and looks at tokens alone.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "common/l402/credential.hpp"
#include "common/macaroon/macaroon.hpp"
#include "common/payment/credential.hpp"
#include "common/result/error.hpp"
#include "service/http/message.hpp"

namespace millrace::admit {

// Of L402: one that can be read, malformed, two different ones (l402::Errc::conflicting_credentials), or none at all.
struct Token {
    Result<std::optional<l402::Credential>> found;
};
struct Work {
    Result<macaroon::Macaroon> solution;
    bool alone = true;  // there is no other credential beside it
};
struct Payment {
    Result<payment::Credential> credential;
    bool alone = true;  // there is no other one, neither of Payment nor of L402
};
using Credential = std::variant<Token, Work, Payment>;

// The fields of a request in which credentials are sent; views into the head.
void find_credential_fields(const http::RequestHead& head, std::vector<l402::HeaderField>& out);

// Whether one of them is of the Payment scheme.
[[nodiscard]] bool offers_payment(const std::vector<l402::HeaderField>& fields);

struct Taken {
    bool payment = true;  // the Payment scheme is looked at
    bool work = false;    // so is work
};
[[nodiscard]] Credential read_credential(const std::vector<l402::HeaderField>& fields, const Taken& taken);

}  // namespace millrace::admit
