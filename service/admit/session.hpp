// Sessions of the Payment scheme: what their credentials ask for.
//
//   open     the return invoice is checked, the session opened and recorded, and the request served from it
//   bearer   serves the request: its price is set aside of what is left, and drawn as from a balance
//   topUp    answered here: the deposit is credited
//   close    answered here: the session ends, what is left is paid back
//
//   (priced) -> verified -> within the limits -> OpenSession -> entered -> LetIn
//                                             -> entered -> LetIn
//                        -> TopUpSession -> Reply
//                        -> CloseSession -> Reply
#pragma once

#include "common/payment/session.hpp"
#include "service/admit/credential.hpp"
#include "service/admit/step.hpp"

namespace millrace::admit {

class BySession final : public Scheme {
  public:
    // The request and the pass outlive it.
    BySession(RequestFacts& request, Pass& pass, Payment credential)
        : request_(request), pass_(pass), credential_(std::move(credential)) {}
    Step begin(const Books& books) override;
    Step go_on(const Books& books, Answer answer) override;

  private:
    enum class Stage { price, open, top_up, close, revoked };

    Step verify(const Books& books, std::optional<http::Problem> unpriced);
    Step open(const Books& books);
    Step opened(const Books& books, const Result<paywall::SessionOutcome>& outcome);
    Step enter(const Books& books);
    Step top_up(const Books& books);
    Step topped_up(const Books& books, const Result<paywall::SessionOutcome>& outcome);
    Step close(const Books& books);
    [[nodiscard]] Step closed(const Result<paywall::SessionOutcome>& outcome) const;

    RequestFacts& request_;
    Pass& pass_;
    Payment credential_;
    Stage stage_ = Stage::price;
    payment::SessionProof proof_;
    bool in_time_ = false;
    bool underpriced_ = false;
};

}  // namespace millrace::admit
