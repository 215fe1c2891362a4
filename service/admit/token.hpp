// L402 tokens, the cookies of pay pages in their place, and requests without either.
//
//   nothing brought -> (cookie?) -> judged -> let in | free allowance -> let in | Demand
//   a token         -> (priced?) -> judged -> first use recorded -> set aside -> LetIn
//                                                                -> Demand, Say, NotForSale
//
// What a token must cost is asked for only where that matters; a price that cannot be had is judged as one.
#pragma once

#include "service/admit/credential.hpp"
#include "service/admit/step.hpp"

namespace millrace::admit {

[[nodiscard]] paywall::Decision decide(const RequestFacts& request, const Books& books,
                                       const paywall::FoundCredential& credential, paywall::Proof proof);

// The way of nearly every paid request: a token that was verified before, in `known`, whose settlement is noted there.
// False: the long way decides, and nothing has changed but the quote.
[[nodiscard]] bool let_in_known(RequestFacts& request, Pass& pass, const Books& books,
                                paywall::VerifiedCredential& known);

class ByToken final : public Scheme {
  public:
    // The request and the pass outlive it.
    ByToken(RequestFacts& request, Pass& pass, Token credential)
        : request_(request), pass_(pass), found_(std::move(credential.found)), bare_(found_ && !found_->has_value()) {}
    Step begin(const Books& books) override;
    Step go_on(const Books& books, Answer answer) override;

  private:
    enum class Stage { cookie, price, free_price, first_use };

    Step look_for_ticket(const Books& books);
    Step learn_price(const Books& books);
    Step judge(const Books& books);
    Step refuse(paywall::Reason reason);
    Step demand(paywall::Reason reason) const;
    Step first_use_recorded(const Books& books, const Result<void>& recorded);
    Step set_aside(const Books& books);

    RequestFacts& request_;
    Pass& pass_;
    paywall::FoundCredential found_;  // or the ticket's
    const bool bare_;                 // it came without a credential
    paywall::Proof proof_ = paywall::Proof::preimage;
    std::optional<HeldTicket> ticket_;
    paywall::Reason refused_ = paywall::Reason::no_credential;  // while it is looked whether the request is free
    paywall::Admit admitted_;
    Stage stage_ = Stage::cookie;
};

}  // namespace millrace::admit
