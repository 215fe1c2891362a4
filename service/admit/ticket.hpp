// The cookie of a pay page in place of a credential: a ticket whose invoice was paid. Only what changes nothing is let in
// by it: GET and HEAD, and no change of protocol.
#pragma once

#include "service/admit/step.hpp"

namespace millrace::admit {

// What a browser would buy with this request: the offer's part of the cookie's name.
[[nodiscard]] std::string offer_name(const RequestFacts& request);

// Whether the request has cookies of the service at all.
[[nodiscard]] bool has_cookies(const RequestFacts& request);

// Of several tickets the first that opens this request counts; where none does, the first that was paid says why. Empty
// where none was. May make the quote one of the ticket's tier.
[[nodiscard]] std::optional<HeldTicket> find_ticket(RequestFacts& request, const Books& books);

}  // namespace millrace::admit
