#include "contrib/client/purchase.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/crypto/hash.hpp"

namespace millrace::client {

namespace {

// Between two questions to the node about a payment under way.
constexpr std::chrono::seconds poll_interval{1};
// Beyond retry_for, in which the node has to answer: its last part may still be on its way back.
constexpr std::chrono::seconds answer_margin{30};
// After the connection was lost the same invoice is sent again this often at most.
constexpr unsigned max_attempts = 2;

template <class... Handlers>
struct Overloaded : Handlers... {
    using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

std::string answered(const Response& response) {
    std::string out = "the server answered " + std::to_string(response.status);
    if (!response.location.empty()) out += " to " + response.location + ", and redirections are not followed";
    if (!response.reason.empty()) out += ": " + response.reason;
    return out;
}

std::string kept(const Token& token) {
    return "what was paid for (" + token.amount.text() + ") is kept, and the next run presents it again";
}

// The answer may come from in front of what is sold: no use of a charge is known from it.
bool leaves_charge_unused(int status) {
    constexpr int doubtful[] = {400, 401, 402, 403, 407, 408, 421, 425, 426, 429, 431, 451};
    return status >= 500 || std::find(std::begin(doubtful), std::end(doubtful), status) != std::end(doubtful);
}

// What a server that does not know the scheme, or does not take the credential, answers.
bool may_take_the_other_form(const Response& response) {
    const int status = response.status;
    return !response.receipt && (status == 400 || status == 401 || status == 402 || status == 403);
}

}  // namespace

Action Purchase::begin(TimePoint, const Known& known) {
    if (known.pending) return resume(*known.pending);
    if (known.token && !(limits_.again && known.token->refusals > 0)) return present(*known.token);
    return SendRequest{};
}

Action Purchase::present(const Token& token) {
    sent_token_ = token;
    sent_as_ = token.base64.empty() ? Scheme::payment : Scheme::l402;
    return SendRequest{sent_token_, sent_as_};
}

Action Purchase::deliver() const {
    if (!sent_token_) return Deliver{};
    if (sent_as_ == Scheme::payment) return Deliver{{}, sent_token_->payment_hash};
    if (sent_token_->accepted && sent_token_->refusals == 0) return Deliver{};
    return Deliver{sent_token_->payment_hash, {}};
}

Action Purchase::on_response(TimePoint, const Response& response) {
    const int status = response.status;
    if (status < 300) return deliver();
    if (!sent_token_) {
        if (status == 402) return shop(response);
        return Finish{Exit::upstream_error, answered(response)};
    }
    if (may_take_the_other_form(response) && sent_as_ == Scheme::l402 && !sent_token_->charge.empty()) {
        sent_as_ = Scheme::payment;
        return SendRequest{sent_token_, sent_as_};
    }
    if (status == 401) return stop_refused(response.reason);
    if (status == 402) {
        tried_.push_back(sent_token_->payment_hash);
        return shop(response);
    }
    Finish end{Exit::upstream_error, answered(response)};
    if (sent_as_ == Scheme::payment) {
        // It bought one request: however that ended, it is over, unless the server may not have taken it.
        if (response.receipt || !leaves_charge_unused(status)) {
            after_ = std::move(end);
            return DropToken{sent_token_->payment_hash};
        }
        end.message += "; " + kept(*sent_token_);
    } else if (!sent_token_->accepted) {
        end.message += "; " + kept(*sent_token_);
    }
    return end;
}

// What the server refused was paid for and never opened anything.
Action Purchase::stop_refused(const std::string& reason) {
    after_ = Finish{Exit::credential_refused, "the server refused what was paid for (" + sent_token_->amount.text() +
                                                  ")" + (reason.empty() ? "" : ": " + reason) +
                                                  "; it is kept, the next run presents it again, and --again pays for "
                                                  "another"};
    return NoteRefusal{sent_token_->payment_hash};
}

// A 402: what is offered is looked up in the store, then bought.
Action Purchase::shop(const Response& response) {
    auto offers = read_offers(response.www_authenticate, asked_);
    if (!offers) {
        const bool broken = is(offers.error(), OfferErrc::unreadable) || is(offers.error(), OfferErrc::not_l402);
        Finish end{broken ? Exit::upstream_error : Exit::offer_refused, offers.error().message};
        if (sent_token_ && !sent_token_->accepted) end.message += "; " + kept(*sent_token_);
        return end;
    }
    std::optional<PaymentHash> refused;
    if (sent_token_) {
        // A token of another service of this origin was sent by guess: it stays good for its own.
        const bool for_this = sent_token_->base64.empty() ||
                              std::any_of(offers->begin(), offers->end(),
                                          [&](const Offer& offer) { return offer.service == sent_token_->service; });
        if (for_this && (paid_now_ || (!sent_token_->accepted && !limits_.again))) return stop_refused(response.reason);
        if (for_this) refused = sent_token_->payment_hash;
    }
    offers_ = std::move(*offers);
    at_ = 0;
    first_fault_.reset();
    return look_up(refused);
}

Action Purchase::look_up(std::optional<PaymentHash> refused) {
    return LookUp{offers_[at_].service, offers_[at_].payment_hash, tried_, refused};
}

Action Purchase::next_offer(const Error& fault) {
    if (!first_fault_) first_fault_ = fault;
    if (++at_ < offers_.size()) return look_up({});
    return Finish{Exit::offer_refused, first_fault_->message};
}

Action Purchase::on_known(TimePoint now, const Known& known) {
    if (known.pending) return resume(*known.pending);
    if (known.token) return present(*known.token);
    if (known.same_hash) {
        const Offer& offer = offers_[at_];
        const Token& paid = *known.same_hash;
        const bool seen = std::find(tried_.begin(), tried_.end(), paid.payment_hash) != tried_.end();
        if (seen && paid.base64 == offer.base64 && paid.charge == offer.charge) {
            return Finish{Exit::credential_refused,
                          "the server offers an invoice that is paid, and refuses its proof; " + kept(paid)};
        }
        if (std::exchange(reused_, true))
            return Finish{Exit::credential_refused, "the server keeps offering an invoice that is paid; " + kept(paid)};
        // What it bought before stays in the store as it is: the preimage is there, and this is offered by the server.
        return present({offer.service, offer.base64, paid.payment_hash, paid.preimage, offer.charge, paid.amount});
    }
    if (known.unproven && !limits_.again) {
        return Finish{Exit::credential_refused, "the server asks for another payment, and " +
                                                    known.unproven->amount.text() +
                                                    " was paid here that it has not honoured yet; --again pays for "
                                                    "another"};
    }
    return buy(now);
}

Action Purchase::buy(TimePoint now) {
    if (paid_now_)
        return Finish{Exit::credential_refused, "the server asks for another payment after the one just made"};
    if (auto acceptable = check_offer(offers_[at_], limits_.max_cost, now); !acceptable)
        return next_offer(acceptable.error());
    return currency_ ? take(now) : Action{AskNetwork{}};
}

Action Purchase::on_network(TimePoint now, const std::string& currency) {
    currency_ = currency;
    return take(now);
}

Action Purchase::take(TimePoint now) {
    const Offer& offer = offers_[at_];
    if (offer.currency != *currency_)
        return next_offer(fail(OfferErrc::wrong_network, offer.currency + ", the node is on " + *currency_));
    pending_ = Pending{offer};
    earlier_until_ = TimePoint{};
    return attempt(now);
}

Action Purchase::on_node_failed(const std::string& message) {
    if (!pending_) return Finish{Exit::unreachable, "the node does not answer: " + message};
    return Finish{Exit::payment_pending, "the node does not answer: " + message + "; the payment of " +
                                             pending_->amount.text() + " may be under way, the next run continues it"};
}

// Stores the attempt, then makes it. The time it may take ends with the invoice at the latest.
Action Purchase::attempt(TimePoint now) {
    ++attempts_;
    refusal_.reset();
    attempt_time_ = std::min<std::chrono::seconds>(limits_.retry_for, pending_->expires_at - now);
    pending_->tried_until = std::max(earlier_until_, now + attempt_time_ + answer_margin);
    return StorePending{*pending_, tried_};
}

Action Purchase::on_pending_stored() {
    return Pay{*pending_, limits_.max_fee, attempt_time_};
}

// Another process buys the same, or has just bought it: its payment serves both.
Action Purchase::on_pending_conflict(const Known& known) {
    if (known.pending) return resume(*known.pending);
    pending_.reset();
    return present(known.token.value());
}

Action Purchase::resume(const Pending& pending) {
    pending_ = pending;
    earlier_until_ = pending.tried_until;
    return AskPayments{pending_->payment_hash};
}

Action Purchase::on_pay_outcome(const PayOutcome& outcome) {
    return std::visit(Overloaded{
                          [&](const Paid& paid) { return settle(paid.preimage, paid.sent); },
                          [&](const PayRefused& refused) {
                              refusal_ = refused.message;
                              return Action{AskPayments{pending_->payment_hash}};
                          },
                          [&](const PayUnknown&) { return Action{AskPayments{pending_->payment_hash}}; },
                      },
                      outcome);
}

Action Purchase::on_payments(TimePoint now, const Payments& payments) {
    if (payments.preimage) return settle(*payments.preimage, payments.sent);
    if (payments.pending > 0) return wait_or_stop("the payment of " + pending_->amount.text() + " is under way");

    // Nothing under way. An attempt of an earlier run may still be between two routes until its time is over.
    const bool earlier_may_run = now < earlier_until_;
    if (refusal_) {
        if (earlier_may_run)
            return wait_or_stop("an earlier attempt to pay may still be under way (" + *refusal_ + ")");
        after_ = Finish{Exit::payment_failed, *refusal_};
        return DropPending{pending_->payment_hash};
    }
    auto acceptable = check_offer(*pending_, limits_.max_cost, now);
    if (acceptable && attempts_ < max_attempts) return attempt(now);
    if (!acceptable && !is(acceptable.error(), OfferErrc::expired)) {
        return Finish{Exit::offer_refused,
                      "a payment of an earlier run is not complete, and " + acceptable.error().message};
    }
    if (now < pending_->tried_until) return wait_or_stop("the outcome of the payment is unknown");
    if (acceptable) return wait_or_stop("the node keeps failing");
    after_.reset();
    return DropPending{pending_->payment_hash};
}

Action Purchase::wait_or_stop(const std::string& why) {
    if (waited_ >= limits_.retry_for + answer_margin)
        return Finish{Exit::payment_pending, why + "; the next run continues it"};
    waited_ += poll_interval;
    return Wait{poll_interval};
}

Action Purchase::on_waited() {
    return AskPayments{pending_->payment_hash};
}

Action Purchase::settle(const Preimage& preimage, Msat sent) {
    if (crypto::payment_hash(preimage) != pending_->payment_hash) {
        return Finish{Exit::payment_pending, "the node answered with a preimage that does not belong to the payment"};
    }
    paid_now_ = attempts_ > 0;
    sent_token_ = Token{pending_->service, pending_->base64, pending_->payment_hash,
                        preimage,          pending_->charge, pending_->amount};
    return StoreToken{*sent_token_, sent.minus(pending_->amount).value_or(Msat{})};
}

Action Purchase::on_token_stored() {
    pending_.reset();
    return present(*sent_token_);
}

Action Purchase::on_settled() {
    return after_.value();
}

Action Purchase::on_pending_dropped() {
    pending_.reset();
    if (after_) return *after_;
    attempts_ = 0;
    sent_token_.reset();
    return SendRequest{std::nullopt};
}

std::string describe(const Action& action) {
    return std::visit(
        Overloaded{
            [](const SendRequest& send) {
                if (send.token && send.scheme == Scheme::payment) return std::string("asking with the charge");
                return send.token ? "asking with the token for \"" + send.token->service + "\"" : std::string("asking");
            },
            [](const LookUp& look) { return "looking for a stored token for \"" + look.service + "\""; },
            [](const AskNetwork&) { return std::string("asking the node for its network"); },
            [](const StorePending& store) {
                return "storing the payment before it is sent: invoice of " + store.pending.amount.text() +
                       ", payment hash " + store.pending.payment_hash.hex();
            },
            [](const Pay& pay) {
                return "paying " + pay.pending.amount.text() + ", fee at most " + pay.max_fee.text();
            },
            [](const AskPayments& ask) { return "asking the node about the payment " + ask.payment_hash.hex(); },
            [](const Wait& wait) { return "waiting " + std::to_string(wait.time.count()) + " s"; },
            [](const StoreToken& store) {
                return "paid " + store.token.amount.text() + ", fee " + store.fee.text() +
                       (store.token.base64.empty() ? "; storing the proof for one request" : "; storing the token");
            },
            [](const DropPending& drop) { return "giving up the payment " + drop.payment_hash.hex(); },
            [](const NoteRefusal& note) { return "noting that " + note.payment_hash.hex() + " was refused"; },
            [](const DropToken& drop) { return "the charge " + drop.payment_hash.hex() + " is used"; },
            [](const Deliver&) { return std::string("done"); },
            [](const Finish& finish) { return "stopping: " + finish.message; },
        },
        action);
}

}  // namespace millrace::client
