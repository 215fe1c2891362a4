// The problem types (RFC 9457) of the Payment scheme that a charge can meet, with the status each is answered with.
// A 402 comes with a fresh challenge.
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
};

struct ProblemText {
    std::string_view type;  // URI
    std::string_view title;
    unsigned status;
};

[[nodiscard]] const ProblemText& text(Problem problem);

}  // namespace millrace::payment
