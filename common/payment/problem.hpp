// The problem types (RFC 9457) of the Payment scheme that a charge or a session can meet, with the status each is
// answered with. A 402 comes with a fresh challenge.
#pragma once

#include <string_view>

namespace millrace::payment {

enum class Problem {
    payment_required,      // nothing was presented
    payment_insufficient,  // a charge for less than this costs
    payment_expired,       // the challenge's time is over
    invalid_challenge,     // not issued here, not for this resource, or used already
    invalid_preimage,      // the preimage is not that of the invoice
    malformed_credential,  // the credential cannot be read
    method_unsupported,    // another method or intent than is offered here
    // Of the intent session:
    malformed_session_credential,  // its payload cannot be read
    unknown_challenge,             // not issued here, not for this resource, or used already
    challenge_expired,             // and its invoice was not paid in time
    session_not_found,
    session_closed,
    insufficient_balance,
    invalid_return_invoice,
    verification_failed,  // good in itself, but more than is taken here
};

struct ProblemText {
    std::string_view type;  // URI
    std::string_view title;
    unsigned status;
};

[[nodiscard]] const ProblemText& text(Problem problem);

}  // namespace millrace::payment
