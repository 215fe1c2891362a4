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
//     sent again only for the same invoice, which a node pays at most once;
//   - it is given up (DropPending) only once the node has no part of it under way and either answered the attempt with
//     an error, or the invoice has expired and the last attempt's time is over;
//   - the proof of a payment is stored (StoreToken) before it is used, and stays there however the server answers;
//   - what was paid for and has not opened anything yet is the only thing that is tried for its service and its path:
//     where the server refuses it, the run ends, and only --again pays for another.
// An invoice that buys a token and a charge is paid once: where the server refuses the one, the other is presented.
// A process killed between any two actions continues with the next run from what the store and the node say.
//
// A charge of the Payment scheme buys one request: its proof stays in the store until the response has been received, so
// that the next run presents it again where the response was lost, and nothing of it stays after.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "contrib/client/offer.hpp"

namespace millrace::client {

// Exit codes of millrace-get.
enum class Exit : int {
    ok = 0,
    internal = 1,            // something this program cannot explain
    usage = 2,               // a wrong option or URL
    offer_refused = 3,       // the price, or another part of the invoice, is not acceptable: nothing was paid
    payment_failed = 4,      // the node could not pay: nothing was paid
    credential_refused = 5,  // what was paid for was not accepted; it is kept
    upstream_error = 6,      // an answer with a status of 300 or more, or a 402 that cannot be read
    unreachable = 7,         // the server or the node cannot be reached
    payment_pending = 8,     // a payment is under way; the next run continues it
    store_failed = 9,        // the token store cannot be read or written
    output_failed = 10,      // the response cannot be written; before anything was asked for, or paid and kept
};

// What was paid for: a token, a charge, or either by the one payment.
struct Token {
    std::string service;  // see Offer
    std::string base64;   // the macaroon as received; empty: a mere charge
    PaymentHash payment_hash;
    Preimage preimage;
    std::string charge = {};  // the Payment challenge that was paid, as a header line; empty: a mere token
    Msat amount = {};
    bool accepted = false;  // a response was received for it
    unsigned refusals = 0;  // since then
};

// A payment that was, or is about to be, sent.
struct Pending : Offer {
    TimePoint tried_until = {};  // no attempt at the node runs past this
};

// What the store holds for what is being asked for.
struct Known {
    std::optional<Token> token = {};  // to present: the newest that was not tried in this run
    std::optional<Pending> pending = {};
    std::optional<Token> same_hash = {};  // paid by the very invoice that is offered, whatever that bought
    std::optional<Token> unproven = {};   // paid for, refused, and never accepted
};

struct Limits {
    Msat max_cost;
    Msat max_fee;
    std::chrono::seconds retry_for{60};  // how long the node may keep trying
    bool again = false;                  // pay for another where what was paid for is refused
};

struct Response {
    int status = 0;
    std::vector<std::string> www_authenticate;
    std::string reason;         // of an error, where its body says one
    std::string location = {};  // of a redirection
    bool receipt = false;       // there is a Payment-Receipt
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

enum class Scheme { l402, payment };

struct SendRequest {  // -> on_response
    std::optional<Token> token;
    Scheme scheme = Scheme::l402;  // which of its two forms to present
};
struct LookUp {  // -> on_known
    std::string service;
    PaymentHash payment_hash;                 // of the offer
    std::vector<PaymentHash> tried = {};      // in this run: not to be handed out again
    std::optional<PaymentHash> refused = {};  // to be noted first: the server refused it
};
struct AskNetwork {};  // -> on_network, on_node_failed
// Nothing is stored where another payment for the same, or a token that is not among `tried`, has come in between.
struct StorePending {  // -> on_pending_stored, on_pending_conflict
    Pending pending;
    std::vector<PaymentHash> tried = {};
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
// Stores the proof and removes the pending payment, in one commit.
struct StoreToken {  // -> on_token_stored
    Token token;
    Msat fee;
};
struct DropPending {  // -> on_pending_dropped
    PaymentHash payment_hash;
};
struct NoteRefusal {  // -> on_settled
    PaymentHash payment_hash;
};
struct DropToken {  // a charge that was used; -> on_settled
    PaymentHash payment_hash;
};
struct Deliver {                               // hand the response on and end well; once it is complete, note that
    std::optional<PaymentHash> accepted = {};  // this token opened it
    std::optional<PaymentHash> used = {};      // this charge bought it, and is to be forgotten
};
struct Finish {
    Exit exit;
    std::string message;
};
using Action = std::variant<SendRequest, LookUp, AskNetwork, StorePending, Pay, AskPayments, Wait, StoreToken,
                            DropPending, NoteRefusal, DropToken, Deliver, Finish>;

class Purchase {
  public:
    explicit Purchase(Limits limits, Asked asked = {}) : limits_(limits), asked_(std::move(asked)) {}

    // `known`: what the store holds for the request and its path.
    Action begin(TimePoint now, const Known& known);

    Action on_response(TimePoint now, const Response& response);
    // `known`: what the store holds for the origin and the service of LookUp.
    Action on_known(TimePoint now, const Known& known);
    // `currency`: the BOLT 11 prefix of the node's network ("bc", "bcrt").
    Action on_network(TimePoint now, const std::string& currency);
    Action on_node_failed(const std::string& message);
    Action on_pending_stored();
    // `known`: the payment or the token that came in between.
    Action on_pending_conflict(const Known& known);
    Action on_pay_outcome(const PayOutcome& outcome);
    Action on_payments(TimePoint now, const Payments& payments);
    Action on_waited();
    Action on_token_stored();
    Action on_pending_dropped();
    Action on_settled();

  private:
    Action present(const Token& token);
    Action resume(const Pending& pending);
    Action deliver() const;
    Action stop_refused(const std::string& reason);
    Action shop(const Response& response);
    Action look_up(std::optional<PaymentHash> refused);
    Action next_offer(const Error& fault);
    Action buy(TimePoint now);
    Action take(TimePoint now);
    Action attempt(TimePoint now);
    Action settle(const Preimage& preimage, Msat sent);
    Action wait_or_stop(const std::string& why);

    Limits limits_;
    Asked asked_;

    std::optional<Token> sent_token_;  // with the last request
    Scheme sent_as_ = Scheme::l402;
    std::vector<PaymentHash> tried_;        // tokens that the server has refused in this run
    bool reused_ = false;                   // the proof of an earlier payment was presented for a new offer
    bool paid_now_ = false;                 // this run's own attempt was paid: no second payment follows
    std::vector<Offer> offers_;             // of the challenges at hand
    std::size_t at_ = 0;                    // the one that is tried
    std::optional<Error> first_fault_;      // why an offer before it was not taken
    std::optional<std::string> currency_;   // of the node
    std::optional<Pending> pending_;        // stored
    TimePoint earlier_until_{};             // until when an attempt of an earlier run may be under way
    std::optional<std::string> refusal_;    // what the node said to this run's attempt
    unsigned attempts_ = 0;                 // of this run
    std::chrono::seconds attempt_time_{0};  // what the node is given for the attempt
    std::chrono::seconds waited_{0};        // for the node, in this run
    std::optional<Finish> after_;           // how to end once a payment is dropped or settled; empty: ask again
};

// One line for -v: what is about to be done; holds no secret.
[[nodiscard]] std::string describe(const Action& action);

}  // namespace millrace::client
