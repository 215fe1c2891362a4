// Requests without a credential that are served for nothing, as far as the service's free allowance goes: set aside in
// memory when payment would be demanded, recorded once the request is charged (front/session_quota.cpp).
//
// Not drawn upon: by HEAD, which is asked to pay and told what is left, by OPTIONS that is answered here, by paths that
// are free or open to tokens alone, by upgrades, which have no end, by what costs more than the allowance is for, where
// a token of a certain kind is needed, and by services on trial. A credential, good or not, is never passed over for
// it; the cookie of a pay page, which browsers send unasked, is where it opens nothing any more.
#pragma once

#include "service/admit/step.hpp"

namespace millrace::admit {

// But for the price, which is to be learnt first.
[[nodiscard]] bool may_be_free(const RequestFacts& request);

// For a request whose price is known. False: it is to be paid for; `*counted` says why where the allowance is used up,
// and the answer says that nothing is left.
[[nodiscard]] bool let_in_free(const RequestFacts& request, Pass& pass, const Books& books,
                               std::optional<paywall::FreeResult>* counted);

// Tells the client what is left.
void tell_free_left(const RequestFacts& request, Pass& pass, const Books& books);

// "X-L402-Remaining-Free: 3\r\n"
[[nodiscard]] std::string free_left_line(std::uint64_t left);

}  // namespace millrace::admit
