// Proof of work: where more invoices are asked for than are made out, a client that works for it gets past the limit.
//
//   (priced) -> used up -> LetIn               what the service sells, once, where it says pow = "request"
//                       -> Demand, worked      an invoice beyond the limits
//            -> Demand, Say                    no solution, or one that counts for nothing; none is used up
//
// Work opens nothing that is sold but for a service with pow = "request", and there one request, of no more than the
// service's price, without an upgrade, and not where a token of a certain kind is needed.
#pragma once

#include "service/admit/credential.hpp"
#include "service/admit/step.hpp"

namespace millrace::admit {

// What work buys of this request.
[[nodiscard]] config::WorkBuys bought_by_work(const RequestFacts& request);

class ByWork final : public Scheme {
  public:
    // The request, the pass and what is in the credential outlive it.
    ByWork(RequestFacts& request, Pass& pass, Work credential)
        : request_(request), pass_(pass), credential_(std::move(credential)) {}
    Step begin(const Books& books) override;
    Step go_on(const Books& books, Answer answer) override;

  private:
    RequestFacts& request_;
    Pass& pass_;
    Work credential_;
};

}  // namespace millrace::admit
