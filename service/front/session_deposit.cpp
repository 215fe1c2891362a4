// What a 402 offers, and the deposit of a session among it.
#include "common/payment/accept_payment.hpp"
#include "common/payment/session.hpp"
#include "service/front/session.hpp"
#include "service/http/await_callback.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::front {
namespace {

bool is_accept_payment(const http::HeaderLine& line) {
    return line.id == http::Field::unknown && relay::same_field_name(line.name, "Accept-Payment");
}

}  // namespace

// What a 402 to this request offers: what is sold here, and taken by the client, as its Accept-Payment says; a field
// that cannot be read counts for nothing.
Session::Offered Session::offered() const {
    std::string wanted;
    for (const http::HeaderLine& line : exchange_->request.head().fields) {
        if (is_accept_payment(line)) wanted.append(wanted.empty() ? "" : ",").append(line.value);
    }
    const Result<std::vector<payment::PaymentRange>> read = payment::parse_accept_payment(wanted);
    const std::vector<payment::PaymentRange> ranges = read ? *read : std::vector<payment::PaymentRange>{};
    auto takes = [&ranges](std::string_view intent) {
        return ranges.empty() || payment::quality_of(ranges, payment::lightning, intent) > 0;
    };
    const bool charges = service().charges();
    Offered out{service().schemes.l402, charges && takes(payment::charge), false};
    // A front proxy has no way for what is answered here: a top-up, the end. Nor has a browser or a quote.
    if (const auto& sessions = service().sessions; sessions && !request_->front_question && !request_->own) {
        using Offer = config::PaymentSessions::Offer;
        const bool asked = request_->prepaid || (!ranges.empty() && takes(payment::session));
        out.session = asked || (sessions->offer != Offer::asked && takes(payment::session) && !shows_page());
        // Who asks for sessions alone gets one invoice, not two.
        if (asked && (request_->prepaid || !takes(payment::charge))) out.token = out.charge = false;
    }
    // Where nothing else is on offer, the client is told what is.
    if (!out.token && !out.charge && !out.session) {
        out.charge = charges;
        out.session = !charges && service().sessions.has_value();
    }
    return out;
}

// The challenge for a deposit, which has an invoice of its own. It opens nothing as a token.
http::Awaitable<Session::Deposit> Session::ask_deposit(bool worked) {
    const config::PaymentSessions& terms = *service().sessions;
    const Msat due = terms.deposit_due(service().most_cost(request_->quote.price));
    gateway::ChallengeDesk& desk = worker_.shared().desk;
    std::optional<std::string> text;
    if (service().description) text = description(due);
    const std::string scope = request_->session_scope();
    gateway::ChallengeDesk::Demand demand{limits::prefix_of(request_->client),
                                          {due, service().seller(), std::move(text), std::nullopt, true},
                                          scope,
                                          true,
                                          worked,
                                          own_connection()};
    auto start = [&desk, &demand](auto done) { desk.ask(std::move(demand), std::move(done)); };
    Deposit out;
    out.outcome =
        co_await http::await_callback<gateway::ChallengeDesk::Outcome>(worker_.context().get_executor(), start);
    const l402::KeyRing* keys = worker_.keys();
    if (!out.outcome.challenge || !out.outcome.challenge->deposit || !keys) co_return out;
    request_->counts->challenge(out.outcome.reused ? metrics::ChallengeResult::reused
                                                   : metrics::ChallengeResult::issued);
    const gateway::IssuedChallenge& issued = *out.outcome.challenge;
    const std::string shown = service().description ? description(due) : std::string();
    const payment::SessionTerms session{request_->realm(),
                                        scope,
                                        request_->quote.price,
                                        shown,
                                        issued.bolt11,
                                        issued.payment_hash,
                                        issued.amount,
                                        issued.expires_at,
                                        terms.idle_timeout,
                                        terms.event ? "event" : "request",
                                        terms.event};
    out.line = payment::challenge_line(payment::session_challenge(*keys, session));
    co_return out;
}

// A 402 that offers a session and nothing else.
http::Awaitable<http::Problem> Session::demand_deposit(paywall::Reason reason, bool worked) {
    Deposit deposit = co_await ask_deposit(worked);
    if (!deposit.outcome.challenge) co_return not_issued(deposit.outcome, worked);
    if (deposit.line.empty()) co_return admit::unavailable("The node does not take deposits. Nothing was charged.");
    http::Problem problem{402, std::string(paywall::explain(reason)), paywall::name(reason), request_->quote.price};
    problem.challenges.push_back(std::move(deposit.line));
    for (std::string& field : price_fields()) problem.fields.push_back(std::move(field));
    co_return problem;
}

}  // namespace millrace::front
