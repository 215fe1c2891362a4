// One paid request as a state machine without I/O: fed answers and the time, it says what to do next.
//
//   asked -> challenged -> looked up -> checked -> pending stored -> paying -> paid -> token stored -> retried
//
//   Purchase purchase(limits);
//   Action next = purchase.begin(now, known);
//   ... do `next`, feed its outcome to the on_ function named beside the action, until Deliver or Finish.
//
// What keeps money from being spent twice:
//   - a payment is stored (StorePending) before it is sent (Pay), one per origin and service at a time;
//   - a stored payment is never given up while the node may still complete it: it is asked about (AskPayments), and
//   sent
//     again only for the same invoice, which a node pays at most once;
//   - it is given up (DropPending) only once the node has no part of it under way and either answered the attempt with
//   an
//     error, or the invoice has expired and the last attempt's time is over.
// A process killed between any two actions continues with the next run from what the store and the node say.
//
// A charge of the Payment scheme buys one request and no token: its payment stays in the store until the response has
// been received, so that the next run presents it again where the response was lost, and nothing of it stays after.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"
#include "common/result/error.hpp"

namespace millrace::client {

using TimePoint = std::chrono::sys_seconds;

// Exit codes of millrace-get.
enum class Exit : int {
    ok = 0,
    internal = 1,            // something this program cannot explain
    usage = 2,               // a wrong option or URL
    offer_refused = 3,       // the price, or another part of the invoice, is not acceptable: nothing was paid
    payment_failed = 4,      // the node could not pay: nothing was paid
    credential_refused = 5,  // a token just paid for was not accepted
    upstream_error = 6,      // an answer with a status of 300 or more, or a 402 that cannot be read
    unreachable = 7,         // the server or the node cannot be reached
    payment_pending = 8,     // a payment is under way; the next run continues it
    store_failed = 9,        // the token store cannot be read or written
};

// A token that was paid for.
struct Token {
    std::string service;  // from the macaroon's `services` caveat; empty where there is none
    std::string base64;   // the macaroon as received
    PaymentHash payment_hash;
    Preimage preimage;
    std::string charge = {};  // the Payment challenge that was paid, as a header line; empty: an L402 token
};

// A payment that was, or is about to be, sent.
struct Pending {
    std::string service;
    std::string base64;  // the macaroon that the payment buys
    std::string bolt11;
    PaymentHash payment_hash;
    Msat amount;
    TimePoint expires_at;   // of the invoice
    TimePoint tried_until;  // no attempt at the node runs past this
    std::string charge = {};  // the Payment challenge that the payment answers, as a header line; empty: L402
};

// What the store holds for what is being asked for.
struct Known {
    std::optional<Token> token;
    std::optional<Pending> pending;
};

struct Limits {
    Msat max_cost;
    Msat max_fee;
    std::chrono::seconds retry_for{60};  // how long the node may keep trying
};

struct Response {
    int status = 0;
    std::vector<std::string> www_authenticate;
    std::string reason;  // of a 402, where its body says one
};

// The node's records of one payment hash (listsendpays), summed over its parts.
struct Payments {
    std::optional<Preimage> preimage;  // present: paid
    Msat sent;                         // with fees, of the completed parts
    unsigned pending = 0;
    unsigned failed = 0;
};

struct Paid {
    Preimage preimage;
    Msat sent;
};
// The node answered the payment with an error: nothing of this attempt runs any more.
struct PayRefused {
    std::string message;
};
// The connection to the node ended: what became of the payment is unknown.
struct PayUnknown {
    std::string message;
};
using PayOutcome = std::variant<Paid, PayRefused, PayUnknown>;

struct SendRequest {  // -> on_response
    std::optional<Token> token;
};
struct LookUp {  // -> on_known
    std::string service;
    std::optional<PaymentHash> forget;  // a token to remove first: the server refused it
};
struct AskNetwork {};  // -> on_network, on_node_failed
struct StorePending {  // -> on_pending_stored, or on_pending_conflict where another one is there already
    Pending pending;
};
struct Pay {  // -> on_pay_outcome
    Pending pending;
    Msat max_fee;
    std::chrono::seconds retry_for;
};
struct AskPayments {  // -> on_payments, on_node_failed
    PaymentHash payment_hash;
};
struct Wait {  // -> on_waited
    std::chrono::seconds time;
};
// Stores the token and removes the pending payment in one commit; of a charge nothing is stored, and its payment stays
// pending until it was used.
struct StoreToken {  // -> on_token_stored
    Token token;
    Msat amount;
    Msat fee;
};
struct DropPending {  // -> on_pending_dropped
    PaymentHash payment_hash;
};
struct Deliver {  // hand the response on and end well
    std::optional<PaymentHash> used = {};  // a charge whose payment is to be forgotten once the response is complete
};
struct Finish {
    Exit exit;
    std::string message;
};
using Action = std::variant<SendRequest, LookUp, AskNetwork, StorePending, Pay, AskPayments, Wait, StoreToken,
                            DropPending, Deliver, Finish>;

class Purchase {
  public:
    // `request`: method and target, for a charge, which buys one request and not a service.
    explicit Purchase(Limits limits, std::string request = {}) : limits_(limits), request_(std::move(request)) {}

    // `known`: what the store holds for the path asked for.
    Action begin(TimePoint now, const Known& known);

    Action on_response(TimePoint now, const Response& response);
    // `known`: what the store holds for the origin and the service of LookUp.
    Action on_known(TimePoint now, const Known& known);
    // `currency`: the BOLT 11 prefix of the node's network ("bc", "bcrt").
    Action on_network(TimePoint now, const std::string& currency);
    Action on_node_failed(const std::string& message);
    Action on_pending_stored();
    Action on_pending_conflict(const Pending& other);
    Action on_pay_outcome(const PayOutcome& outcome);
    Action on_payments(TimePoint now, const Payments& payments);
    Action on_waited();
    Action on_token_stored();
    Action on_pending_dropped();

  private:
    Action resume(const Pending& pending);
    Action buy(TimePoint now);
    Action attempt(TimePoint now);
    Action settle(const Preimage& preimage, Msat sent);
    Action wait_or_stop(const std::string& why);
    Action on_charge_response(const Response& response);

    Limits limits_;
    std::string request_;

    std::optional<Token> sent_token_;       // with the last request
    std::vector<PaymentHash> tried_;        // tokens that the server has seen in this run
    bool paid_now_ = false;                 // this run's own attempt was paid: no second payment follows
    std::optional<Pending> offer_;          // bought by the challenge at hand, not stored yet
    std::optional<std::string> currency_;   // of the offer's invoice
    std::optional<Pending> pending_;        // stored
    TimePoint earlier_until_{};             // until when an attempt of an earlier run may be under way
    std::optional<std::string> refusal_;    // what the node said to this run's attempt
    unsigned attempts_ = 0;                 // of this run
    std::chrono::seconds attempt_time_{0};  // what the node is given for the attempt
    std::chrono::seconds waited_{0};        // for the node, in this run
    std::optional<Finish> after_drop_;      // how to end once the pending payment is dropped; empty: ask again
};

// What an offer is refused for. The text of each is what the user reads.
enum class OfferErrc {
    unreadable = 1,  // the macaroon or the invoice cannot be read
    not_l402,        // the macaroon's identifier is not an L402 one
    hash_mismatch,   // the invoice pays another hash than the token's
    no_amount,       // an invoice for any amount
    too_expensive,   // above --max-cost-msat
    expired,         // the invoice has expired or is about to
    wrong_network,   // the invoice is of another network than the node
    contradictory,   // a charge that says another amount, hash or network than its invoice
};

struct Offer {
    Pending pending;       // tried_until not set yet
    std::string currency;  // of the invoice
};

// Under which a charge's payment is stored, in the place of a service.
[[nodiscard]] std::string charge_key(const std::string& request);

// Reads the first L402 challenge among the header values, or where there is none the first Payment challenge for a
// charge over lightning; no judgement yet. Errors: unreadable, not_l402, hash_mismatch, no_amount, contradictory.
[[nodiscard]] Result<Offer> read_offer(const std::vector<std::string>& www_authenticate,
                                       const std::string& request = {});

// Whether the offer may be paid now. Errors: too_expensive, expired.
[[nodiscard]] Result<void> check_offer(const Pending& offer, Msat max_cost, TimePoint now);

// One line for -v: what is about to be done; holds no secret.
[[nodiscard]] std::string describe(const Action& action);

}  // namespace millrace::client

namespace millrace {
template <>
struct ErrcText<client::OfferErrc> {
    static constexpr const char* domain = "millrace.client";
    static const char* text(client::OfferErrc errc);
};
}  // namespace millrace
