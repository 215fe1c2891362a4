// Why a request is not let in, each reason one row: the word and the sentence that clients read, the problem type of the
// `Payment` scheme with its status, and the label under which the credential is counted. To add a reason, add its enum
// value where it is decided and its row in refusal.cpp; the documents, the metric and the answers follow from it.
//
//   L402's reasons are a 402 with a fresh challenge. The Payment scheme's have the status of their problem type, and a
//   402 among them comes with a fresh challenge too.
#pragma once

#include <optional>
#include <string_view>

#include "common/payment/charge.hpp"
#include "common/payment/problem.hpp"
#include "common/payment/session.hpp"
#include "service/paywall/admission.hpp"
#include "service/paywall/charge_use.hpp"
#include "service/paywall/counted.hpp"
#include "service/paywall/session_book.hpp"
#include "service/paywall/session_record.hpp"

namespace millrace::paywall {

struct Refusal {
    std::string_view reason;                       // one word for programs
    std::optional<AuthResult> counted;             // empty: there was no credential to count
    std::string_view detail;                       // a sentence for the client
    std::optional<payment::Problem> problem = {};  // of the Payment scheme; empty: one of L402
    [[nodiscard]] unsigned status() const { return problem ? payment::text(*problem).status : 402; }
};

[[nodiscard]] const Refusal& refusal_of(Reason reason);
// Of a charge that was proven; two of them let it through.
[[nodiscard]] const Refusal& refusal_of(ChargeAdmission admission);
// Of what the store or the book says of a session. Whatever has no row of its own, done and repeated among them, is as
// for one that is closed.
[[nodiscard]] const Refusal& refusal_of(SessionStep step);
[[nodiscard]] const Refusal& refusal_of(SessionBook::Refusal refusal);
// Of a credential of the Payment scheme that proves nothing.
[[nodiscard]] Refusal refusal_of(payment::ChargeRefusal refusal);
[[nodiscard]] Refusal refusal_of(payment::SessionRefusal refusal);

// Of the Payment scheme, beside those.
extern const Refusal payment_malformed;    // with what is wrong with the credential in place of its sentence
extern const Refusal bad_return_invoice;   // likewise
extern const Refusal charge_revoked;       // by the operator
extern const Refusal session_revoked;      // by the operator
extern const Refusal price_risen;          // the session is open, and its first request is too dear for its challenge
extern const Refusal session_exhausted;    // less is left than the request costs
extern const Refusal not_sold_by_payment;  // a Payment credential where the service sells by L402 alone
extern const Refusal not_sold_by_l402;     // an L402 token where the service sells by the Payment scheme alone
extern const Refusal sold_by_payment;      // no credential, there

}  // namespace millrace::paywall
