#include "contrib/client/purchase.hpp"

#include <algorithm>

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

}  // namespace

Action Purchase::begin(TimePoint, const Known& known) {
    if (known.pending) return resume(*known.pending);
    sent_token_ = known.token;
    return SendRequest{known.token};
}

Action Purchase::on_response(TimePoint, const Response& response) {
    if (sent_token_ && !sent_token_->charge.empty()) return on_charge_response(response);
    if (response.status < 300) return Deliver{};
    const std::string reason = response.reason.empty() ? std::string() : ": " + response.reason;
    if (response.status != 402) {
        const bool refused = response.status == 401 && sent_token_;
        return Finish{refused ? Exit::credential_refused : Exit::upstream_error,
                      "the server answered " + std::to_string(response.status) + reason};
    }
    if (sent_token_) tried_.push_back(sent_token_->payment_hash);

    auto offer = read_offer(response.www_authenticate, request_);
    if (!offer) {
        const bool broken = is(offer.error(), OfferErrc::unreadable) || is(offer.error(), OfferErrc::not_l402);
        return Finish{broken ? Exit::upstream_error : Exit::offer_refused, offer.error().message};
    }
    // A token of another service of this origin was sent by guess: it stays good for its own.
    const bool refused = sent_token_ && sent_token_->service == offer->pending.service;
    if (refused && paid_now_) {
        return Finish{Exit::credential_refused, "the server refused the token that was just paid for" + reason};
    }
    offer_ = offer->pending;
    currency_ = offer->currency;
    std::optional<PaymentHash> forget;
    if (refused) forget = sent_token_->payment_hash;
    return LookUp{offer_->service, forget};
}

// What a charge was answered. It bought one request: however that ended, it is over, unless the server failed, which
// leaves it to the next run to present the charge again.
Action Purchase::on_charge_response(const Response& response) {
    if (response.status < 300) return Deliver{sent_token_->payment_hash};
    const std::string reason = response.reason.empty() ? std::string() : ": " + response.reason;
    Finish end{Exit::upstream_error, "the server answered " + std::to_string(response.status) + reason};
    if (response.status >= 500) {
        end.message += "; the next run asks again with what was paid for";
        return end;
    }
    if (response.status == 401 || response.status == 402)
        end = Finish{Exit::credential_refused, "the server refused the charge that was paid for" + reason};
    after_drop_ = std::move(end);
    return DropPending{sent_token_->payment_hash};
}

Action Purchase::on_known(TimePoint now, const Known& known) {
    if (known.pending) return resume(*known.pending);
    if (known.token && std::find(tried_.begin(), tried_.end(), known.token->payment_hash) == tried_.end()) {
        sent_token_ = known.token;
        return SendRequest{known.token};
    }
    return buy(now);
}

Action Purchase::buy(TimePoint now) {
    if (paid_now_)
        return Finish{Exit::credential_refused, "the server asks for another payment after the one just made"};
    if (auto acceptable = check_offer(*offer_, limits_.max_cost, now); !acceptable) {
        return Finish{Exit::offer_refused, acceptable.error().message};
    }
    return AskNetwork{};
}

Action Purchase::on_network(TimePoint now, const std::string& currency) {
    if (*currency_ != currency) {
        return Finish{Exit::offer_refused,
                      fail(OfferErrc::wrong_network, *currency_ + ", the node is on " + currency).message};
    }
    pending_ = offer_;
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
    return StorePending{*pending_};
}

Action Purchase::on_pending_stored() {
    return Pay{*pending_, limits_.max_fee, attempt_time_};
}

// Another process buys the same: its payment serves both.
Action Purchase::on_pending_conflict(const Pending& other) {
    return resume(other);
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
        after_drop_ = Finish{Exit::payment_failed, *refusal_};
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
    after_drop_.reset();
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
    sent_token_ = Token{pending_->service, pending_->base64, pending_->payment_hash, preimage, pending_->charge};
    return StoreToken{*sent_token_, pending_->amount, sent.minus(pending_->amount).value_or(Msat{})};
}

Action Purchase::on_token_stored() {
    pending_.reset();
    return SendRequest{sent_token_};
}

Action Purchase::on_pending_dropped() {
    pending_.reset();
    if (after_drop_) return *after_drop_;
    attempts_ = 0;
    sent_token_.reset();
    return SendRequest{std::nullopt};
}

std::string describe(const Action& action) {
    return std::visit(
        Overloaded{
            [](const SendRequest& send) {
                if (send.token && !send.token->charge.empty()) return std::string("asking with the charge");
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
                return "paid " + store.amount.text() + ", fee " + store.fee.text() +
                       (store.token.charge.empty() ? "; storing the token" : " for one request");
            },
            [](const DropPending& drop) { return "giving up the payment " + drop.payment_hash.hex(); },
            [](const Deliver&) { return std::string("done"); },
            [](const Finish& finish) { return "stopping: " + finish.message; },
        },
        action);
}

}  // namespace millrace::client
