// How a scheme decides about a request: a state machine without I/O, that is asked for one step after another. Each step
// is an end, or names what has to be done before the next one; whoever drives it does that and tells what came of it.
//
//   Token scheme(request, pass, credential);
//   for (Step step = scheme.begin(books); ; step = scheme.go_on(books, answer)) {
//       if (step asks) answer = <do it>;              LearnPrice, RecordFirstUse, UseCharge, OpenSession, ...
//       else <the end>;                               LetIn, Reply, Refuse, Demand, Say, ...
//   }
//
// What is looked up meanwhile is in memory, and passed in as `Books`, with the time. Nothing is set aside or used up in
// vain: what a scheme has taken stands in the Pass, which gives it back when it goes.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>

#include "common/l402/token.hpp"
#include "common/payment/charge_request.hpp"
#include "service/admit/request_facts.hpp"
#include "service/http/problem.hpp"
#include "service/http/reply.hpp"
#include "service/limits/use_limits.hpp"
#include "service/pages/pay_cookie.hpp"
#include "service/paywall/admission.hpp"
#include "service/paywall/charge_use.hpp"
#include "service/paywall/credential_cache.hpp"
#include "service/paywall/free_ledger.hpp"
#include "service/paywall/ledger.hpp"
#include "service/paywall/refusal.hpp"
#include "service/paywall/session_book.hpp"
#include "service/paywall/session_record.hpp"
#include "service/paywall/work_desk.hpp"

namespace millrace::admit {

// What this process knows of payments, and of the node.
class Known {
  public:
    virtual ~Known() = default;
    [[nodiscard]] virtual paywall::PaymentFacts facts(const PaymentHash& hash) const = 0;
    // Tokens of this name that started earlier have ended for good.
    [[nodiscard]] virtual std::chrono::sys_seconds ended_before(std::string_view name) const = 0;
    // The invoice has been paid, though its settlement was not heard of yet: nobody else is to be given it.
    virtual void paid(const PaymentHash& hash) = 0;
    [[nodiscard]] virtual std::optional<payment::Network> network() const = 0;
    [[nodiscard]] virtual std::string node_id() const = 0;
    // False: nobody gets an invoice at the moment.
    [[nodiscard]] virtual bool sells() const = 0;
};

// What schemes look things up in, and by which clocks, at one moment.
struct Books {
    const l402::KeyRing* keys = nullptr;               // null: the node has not answered yet
    paywall::Time now;                                 // by which what was bought is judged (SteadyWall)
    std::chrono::system_clock::time_point system_now;  // by which invoices expire
    limits::Clock::time_point tick;
    Known& known;
    paywall::Ledger& ledger;
    paywall::FreeLedger& free_ledger;
    paywall::WorkDesk& work;
    paywall::SessionBook& sessions;
    limits::UseLimits& use_limits;

    [[nodiscard]] std::chrono::sys_seconds today() const { return std::chrono::floor<std::chrono::seconds>(now); }
    [[nodiscard]] std::chrono::sys_seconds seconds() const {
        return std::chrono::floor<std::chrono::seconds>(system_now);
    }
};

// What a request is let in by. What it has set aside is given back when it ends.
struct Pass {
    std::optional<PaymentHash> payer;
    std::optional<paywall::Time> until;                // when what was bought ends; empty: never
    bool prepaid = false;                              // it came with a session of the Payment scheme
    std::optional<paywall::SessionBook::Visit> visit;  // of that session
    std::optional<paywall::Reservation> use;           // of a token that buys more than time, or of a session
    std::optional<paywall::FreeReservation> free_use;  // of the client's network, instead of a token
    std::optional<PaymentHash> charge;                 // that was used for this request, while it may come to nothing
    std::optional<TokenId> work;                       // the task whose solution was
    std::string own_lines;                             // header lines of ours in whatever is answered
    std::string receipt;                               // of the Payment scheme
    std::string_view token_headers;                    // header lines to the upstream, in `*room`
    std::string* room = nullptr;

    void tell_upstream(std::string lines) {
        *room = std::move(lines);
        token_headers = *room;
    }
};

// What is to be done first.
struct LearnPrice {  // of the tier; the quote has it then
    unsigned tier = 0;
};
struct RecordFirstUse {
    l402::Identifier token;
    std::chrono::sys_seconds at;
    bool wait = true;  // false: nothing depends on it
};
struct UseCharge {
    paywall::ChargeUse use;
};
struct OpenSession {
    paywall::SessionOpen open;
};
struct TopUpSession {
    paywall::SessionTopUp top_up;
};
struct CloseSession {
    paywall::SessionClose close;
    bool wait = true;  // false: nothing depends on it
};

// The paid ticket of a pay page that the request's cookies hold.
struct HeldTicket {
    std::string offer;
    pages::SealedTicket sealed;
};

// The end.
struct LetIn {
    std::optional<HeldTicket> kept;                         // to be kept for as long as was bought
    std::optional<paywall::VerifiedCredential> remembered;  // that can be found by its text from now on
};
struct LetInOnTrial {  // it would not have been, had the service not been on trial
    std::optional<paywall::Reason> reason;
};
struct Demand {  // a 402 with a fresh challenge
    paywall::Reason reason = paywall::Reason::no_credential;
    bool worked = false;                      // for an invoice beyond the limits
    const paywall::Refusal* words = nullptr;  // in place of the reason's own
};
struct Refuse {  // as the Payment scheme does: with a fresh challenge, where its status is 402
    paywall::Refusal why;
    std::string detail = {};  // in place of the refusal's own, where it is not empty
};
struct NotForSale {  // 401: only a token opens it, and none is sold
    paywall::Reason reason = paywall::Reason::no_credential;
};
struct Say {
    http::Problem problem;
};
struct Reply {  // the request is answered here, and goes no further
    http::Reply reply;
};

struct Step {
    std::variant<LearnPrice, RecordFirstUse, UseCharge, OpenSession, TopUpSession, CloseSession, LetIn, LetInOnTrial,
                 Demand, Refuse, NotForSale, Say, Reply>
        what;
    std::optional<paywall::AuthResult> counted = {};    // what became of the credential
    std::optional<paywall::FreeResult> allowance = {};  // what became of the free allowance
};

// What came of it.
struct PriceLearned {
    std::optional<http::Problem> problem;  // there is none at the moment
};
using Answer =
    std::variant<PriceLearned, Result<void>, Result<paywall::ChargeAdmission>, Result<paywall::SessionOutcome>>;

class Scheme {
  public:
    virtual ~Scheme() = default;
    [[nodiscard]] virtual Step begin(const Books& books) = 0;
    // Of a step that asked for something.
    [[nodiscard]] virtual Step go_on(const Books& books, Answer answer) = 0;
};

// The end that `why` is; `detail` takes the place of its sentence, where it is not empty.
[[nodiscard]] Step refuse(const paywall::Refusal& why, std::string detail = {});
// What the upstream is told of a payment by the Payment scheme, and of the tier that is sold.
[[nodiscard]] std::string payment_lines(const RequestFacts& request, const PaymentHash& hash);
// 503: nothing is lost, and the same request may come again.
[[nodiscard]] http::Problem unavailable(std::string detail);
// What has no end of its own, a stream or a connection that is upgraded, lasts no longer than what a token buys.
void lasts_as_a_token(const RequestFacts& request, Pass& pass, unsigned tier, paywall::Time now);
// As far as the node has told. What was paid in time counts however late its owner comes.
[[nodiscard]] bool was_paid_in_time(const Known& known, const PaymentHash& hash, std::chrono::sys_seconds expires);
// A problem where the service is asked more often than it allows. Takes from what it allows.
[[nodiscard]] std::optional<http::Problem> limit_use(const RequestFacts& request, const Pass& pass,
                                                     limits::UseLimits& limits, limits::Clock::time_point tick);

}  // namespace millrace::admit
