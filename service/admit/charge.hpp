// Charges of the Payment scheme: each buys one request.
//
//   verified -> within the limits -> UseCharge -> LetIn
//                                             -> Refuse: used already, or too late
//            -> Refuse, Say
//
// What is let in is on disk before the request goes on.
#pragma once

#include "service/admit/credential.hpp"
#include "service/admit/step.hpp"

namespace millrace::admit {

// What is wrong with a Payment credential, whatever its intent, or that none is taken here; empty: it can be read.
[[nodiscard]] std::optional<Step> refuse_payment(const RequestFacts& request, const Payment& credential);

class ByCharge final : public Scheme {
  public:
    // The request and the pass outlive it.
    ByCharge(RequestFacts& request, Pass& pass, Payment credential)
        : request_(request), pass_(pass), credential_(std::move(credential)) {}
    Step begin(const Books& books) override;
    Step go_on(const Books& books, Answer answer) override;

  private:
    [[nodiscard]] payment::ChargeVerdict verify(const Books& books);
    [[nodiscard]] Step denied_before() const;

    RequestFacts& request_;
    Pass& pass_;
    Payment credential_;
    std::optional<payment::ChargeProof> proof_;
    std::chrono::sys_seconds used_at_;
};

}  // namespace millrace::admit
