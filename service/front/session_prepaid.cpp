// Sessions of the Payment scheme: what their credentials ask for.
//
//   open     checks the return invoice, opens the session, and serves the request
//   bearer   serves the request: its price is set aside of what is left, and drawn as from a balance (session_quota.cpp)
//   topUp    answered here: the deposit is credited
//   close    answered here: the session ends, what is left is paid back
#include <spdlog/spdlog.h>

#include <boost/json/serialize.hpp>

#include "common/payment/receipt.hpp"
#include "common/payment/return_invoice.hpp"
#include "common/payment/session.hpp"
#include "service/front/session.hpp"
#include "service/http/await_callback.hpp"
#include "service/relay/header_rules.hpp"
#include "service/sessions/closer.hpp"

namespace millrace::front {
namespace {

using payment::SessionRefusal;
using paywall::SessionBook;
using store::SessionStep;

metrics::AuthResult auth_result(SessionRefusal refusal) {
    switch (refusal) {
        case SessionRefusal::malformed_credential:
        case SessionRefusal::unsupported_method:
            return metrics::AuthResult::malformed;
        case SessionRefusal::unknown_challenge:
            return metrics::AuthResult::bad_signature;
        case SessionRefusal::wrong_realm:
        case SessionRefusal::wrong_scope:
            return metrics::AuthResult::wrong_scope;
        case SessionRefusal::too_cheap:
            return metrics::AuthResult::underpaid;
        case SessionRefusal::bad_preimage:
            return metrics::AuthResult::bad_preimage;
        case SessionRefusal::expired:
            return metrics::AuthResult::expired;
    }
    return metrics::AuthResult::malformed;
}

struct Refused {
    payment::Problem problem;
    metrics::AuthResult counted;
    std::string_view reason;
    std::string_view detail;
};

constexpr Refused not_found{payment::Problem::session_not_found, metrics::AuthResult::malformed, "session_not_found",
                            "There is no such session here. Open one with a deposit."};
constexpr Refused closed{payment::Problem::session_closed, metrics::AuthResult::spent, "session_closed",
                         "The session is closed. Open another one with a deposit."};
constexpr Refused revoked{payment::Problem::session_closed, metrics::AuthResult::revoked, "revoked",
                          "The session was ended by the operator."};
constexpr Refused other_scope{payment::Problem::session_not_found, metrics::AuthResult::wrong_scope, "wrong_scope",
                              "The session is of another service, or of another part of this one."};
constexpr Refused used{payment::Problem::unknown_challenge, metrics::AuthResult::spent, "deposit_used",
                       "This deposit was used already."};
constexpr Refused too_many{payment::Problem::verification_failed, metrics::AuthResult::exhausted, "too_many_deposits",
                           "A session takes a hundred deposits. Open another one with this."};
constexpr Refused too_late{payment::Problem::challenge_expired, metrics::AuthResult::expired, "expired",
                           "The challenge has expired, and this service knows of no payment of its invoice in time."};
constexpr Refused risen{
    payment::Problem::payment_insufficient, metrics::AuthResult::underpaid, "too_cheap",
    "The session is open with its deposit. This request costs more than its challenge said: send it "
    "as bearer of the session, with the challenge that comes with this answer."};
constexpr Refused exhausted{
    payment::Problem::insufficient_balance, metrics::AuthResult::exhausted, "insufficient_balance",
    "What is left of the session is less than this costs. Pay the deposit and send it as a topUp."};

const Refused& refusal_of(SessionStep step) {
    switch (step) {
        case SessionStep::not_found:
            return not_found;
        case SessionStep::wrong_scope:
            return other_scope;
        case SessionStep::deposit_used:
            return used;
        case SessionStep::too_many_deposits:
            return too_many;
        case SessionStep::expired:
            return too_late;
        case SessionStep::done:
        case SessionStep::repeated:
        case SessionStep::closed:
            break;
    }
    return closed;
}

const Refused& refusal_of(SessionBook::Refusal refusal) {
    switch (refusal) {
        case SessionBook::Refusal::not_found:
            return not_found;
        case SessionBook::Refusal::wrong_scope:
            return other_scope;
        case SessionBook::Refusal::closed:
            break;
    }
    return closed;
}

std::chrono::sys_seconds seconds_now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

http::Reply local_answer(const boost::json::object& body, const payment::Receipt& receipt) {
    return http::Reply{200,
                       "application/json",
                       boost::json::serialize(body) + '\n',
                       {"Cache-Control: no-store", "Payment-Receipt: " + payment::receipt_value(receipt)}};
}

}  // namespace

http::Problem Session::unavailable(std::string detail) {
    http::Problem problem{503, std::move(detail)};
    problem.retry_after = 5;
    return problem;
}

// What a session opens: all of a realm, where the service is of one; the service alone, where it was sold before the
// service joined that.
std::string Session::prepaid_scope() const {
    return scope_of(request_->sold_before_realm ? service().name : service().seller());
}

http::Awaitable<std::optional<http::Problem>> Session::admit_prepaid(payment::Credential credential) {
    request_->prepaid = true;
    const l402::KeyRing* keys = worker_.keys();
    if (!keys)
        co_return unavailable(
            "The node has not answered yet, so that no session can be checked. Nothing is lost: repeat "
            "the request later.");
    // Further deposits and the end cost nothing: a pricer that is away keeps nobody from them.
    std::optional<http::Problem> unpriced = co_await price_in(request_->quote.offer_tier);
    const auto now = std::chrono::system_clock::now();
    const auto began = Clock::now();
    auto verify = [&] {
        const std::string scope = prepaid_scope();
        return payment::verify_session(credential,
                                       {*keys, realm(), scope, unpriced ? Msat(0) : request_->quote.price, now});
    };
    payment::SessionVerdict verdict = verify();
    if (verdict.refusal == SessionRefusal::wrong_scope && service().realm) {
        request_->sold_before_realm = true;
        payment::SessionVerdict other = verify();
        request_->sold_before_realm = !other.refusal || other.proof;
        if (request_->sold_before_realm) verdict = std::move(other);
    }
    const std::chrono::duration<double> took = Clock::now() - began;
    worker_.counts().verify.observe(took.count(), metrics::verify_bounds);
    if (verdict.refusal && !verdict.proof) {
        count_credential(auth_result(*verdict.refusal));
        std::string detail(payment::explain(*verdict.refusal));
        co_return co_await refuse_charge(payment::problem_of(*verdict.refusal), payment::name(*verdict.refusal),
                                         std::move(detail));
    }
    const payment::SessionProof& proof = *verdict.proof;
    if (unpriced && payment::serves_request(proof.action)) co_return unpriced;
    request_->payer = proof.session;
    // What costs nothing is no use: who is held up by a limit may end the session, or pay more into it.
    if (payment::serves_request(proof.action)) {
        if (auto problem = limit_use()) co_return problem;
    }
    const bool in_time = !verdict.refusal || was_paid_in_time(proof.deposit, proof.expires);
    switch (proof.action) {
        case payment::SessionAction::open:
            co_return co_await open_prepaid(proof, in_time, verdict.underpriced);
        case payment::SessionAction::bearer:
            co_return co_await enter_prepaid(proof);
        case payment::SessionAction::top_up:
            co_return co_await top_up_prepaid(proof, in_time);
        case payment::SessionAction::close:
            break;
    }
    co_return co_await close_prepaid(proof);
}

http::Awaitable<std::optional<http::Problem>> Session::open_prepaid(const payment::SessionProof& proof, bool in_time,
                                                                    bool underpriced) {
    Shared& shared = worker_.shared();
    // One that is open already stays as it is, return invoice and all: the request is one of its.
    if (!shared.sessions.state(proof.session)) {
        const std::optional<payment::Network> network = shared.desk.network();
        if (!network)
            co_return unavailable("The node has not told its network yet. Nothing is lost: repeat the request later.");
        const std::string node_id = shared.gateway.node_id();
        const std::chrono::seconds idle = service().sessions->idle_timeout;
        const payment::ReturnInvoiceFacts facts{*network, node_id, std::chrono::system_clock::now(), idle};
        const Result<void> checked = payment::check_return_invoice(proof.return_invoice, facts);
        if (!checked) {
            count_credential(metrics::AuthResult::malformed);
            std::string detail = checked.error().message;
            co_return co_await refuse_charge(payment::Problem::invalid_return_invoice, "invalid_return_invoice",
                                             std::move(detail));
        }
    }
    // Its preimage is the proof: nobody else is to be given this invoice, though its settlement was not heard of yet.
    shared.desk.paid(proof.deposit);
    store::Store& store = shared.store;
    const store::SessionOpen open{{proof.deposit, proof.deposit_amount, proof.challenge_id, in_time},
                                  prepaid_scope(),
                                  service().seller().text(),
                                  proof.return_invoice,
                                  service().sessions->idle_timeout,
                                  seconds_now()};
    auto start = [&store, &open](auto done) { store.sessions().open(open, std::move(done)); };
    Result<store::SessionOutcome> outcome =
        co_await http::await_callback<Result<store::SessionOutcome>>(worker_.context().get_executor(), start);
    if (!outcome)
        co_return unavailable("The session could not be recorded. Nothing is lost: repeat the request later.");
    if (outcome->step != SessionStep::done && outcome->step != SessionStep::repeated)
        co_return co_await refuse_prepaid(refusal_of(outcome->step));
    const store::SessionRecord& session = *outcome->session;
    shared.sessions.add(session.id,
                        {session.scope, session.deposit, session.idle, SessionBook::State::open, session.deposits});
    if (outcome->step == SessionStep::done) {
        shared.metrics.session(metrics::SessionEvent::opened);
        spdlog::info("session {} opened for {}: {} msat", session.id.hex(), session.scope, session.deposit.value());
    }
    if (underpriced) co_return co_await refuse_prepaid(risen);
    co_return co_await enter_prepaid(proof);
}

// One request of a session: what it costs is set aside.
http::Awaitable<std::optional<http::Problem>> Session::enter_prepaid(const payment::SessionProof& proof) {
    Shared& shared = worker_.shared();
    if (shared.store.facts(proof.session).revoked) co_return co_await refuse_prepaid(revoked);
    auto entered = shared.sessions.enter(proof.session, prepaid_scope());
    if (const auto* refusal = std::get_if<SessionBook::Refusal>(&entered))
        co_return co_await refuse_prepaid(refusal_of(*refusal));
    request_->visit.emplace(std::move(std::get<SessionBook::Visit>(entered)));
    config::Quota quota;
    quota.credit = shared.sessions.deposit(proof.session);
    auto reserved = shared.ledger.reserve(proof.session, quota, {0, 0, request_->quote.price.value()},
                                          service().held_for(request_->quote.price, quota));
    if (std::holds_alternative<paywall::Shortage>(reserved)) {
        request_->visit.reset();
        co_return co_await refuse_prepaid(exhausted);
    }
    request_->use.emplace(std::move(std::get<paywall::Reservation>(reserved)));
    count_credential(metrics::AuthResult::ok);
    exchange_->token_headers = relay::charge_header_lines(proof.session, service().name.text());
    if (const config::Tier* tier = service().tier(request_->quote.offer_tier))
        exchange_->token_headers += relay::tier_header_lines(tier->name, tier->capabilities);
    request_->token_headers = exchange_->token_headers;
    request_->receipt = payment::receipt_value({proof.challenge_id, proof.session, seconds_now()});
    co_return std::nullopt;
}

http::Awaitable<std::optional<http::Problem>> Session::top_up_prepaid(const payment::SessionProof& proof,
                                                                      bool in_time) {
    Shared& shared = worker_.shared();
    shared.desk.paid(proof.deposit);
    store::Store& store = shared.store;
    if (store.facts(proof.session).revoked || store.facts(proof.deposit).revoked)
        co_return co_await refuse_prepaid(revoked);
    const store::SessionTopUp top_up{proof.session,
                                     {proof.deposit, proof.deposit_amount, proof.challenge_id, in_time},
                                     prepaid_scope(),
                                     seconds_now()};
    auto start = [&store, &top_up](auto done) { store.sessions().top_up(top_up, std::move(done)); };
    Result<store::SessionOutcome> outcome =
        co_await http::await_callback<Result<store::SessionOutcome>>(worker_.context().get_executor(), start);
    if (!outcome)
        co_return unavailable("The deposit could not be recorded. Nothing is lost: repeat the request later.");
    if (outcome->step != SessionStep::done && outcome->step != SessionStep::repeated)
        co_return co_await refuse_prepaid(refusal_of(outcome->step));
    if (outcome->step == SessionStep::done) shared.metrics.session(metrics::SessionEvent::topped_up);
    shared.sessions.set_deposit(proof.session, outcome->session->deposit, proof.deposit);
    // Revoked while it was committed: whoever revokes from now on finds it in the book, and who did before found it
    // nowhere.
    if (store.facts(proof.deposit).revoked) {
        shared.closer.close({proof.session, store::ClosedBy::operator_, {}, {}, seconds_now()},
                            [](const Result<store::SessionOutcome>&) {});
        co_return co_await refuse_prepaid(revoked);
    }
    count_credential(metrics::AuthResult::ok);
    const boost::json::object body{{"status", "ok"}};
    request_->reply = local_answer(body, {proof.challenge_id, proof.session, outcome->at});
    co_return std::nullopt;
}

http::Awaitable<std::optional<http::Problem>> Session::close_prepaid(const payment::SessionProof& proof) {
    if (worker_.shared().sessions.state(proof.session) == std::nullopt) co_return co_await refuse_prepaid(not_found);
    sessions::Closer& closer = worker_.shared().closer;
    const store::SessionClose close{proof.session, store::ClosedBy::client, proof.challenge_id, {}, seconds_now()};
    auto start = [&closer, &close](auto done) { closer.close(close, std::move(done)); };
    Result<store::SessionOutcome> outcome =
        co_await http::await_callback<Result<store::SessionOutcome>>(worker_.context().get_executor(), start);
    if (!outcome) co_return unavailable("The session could not be closed. Nothing is lost: repeat the request later.");
    if (outcome->step != SessionStep::done && outcome->step != SessionStep::repeated)
        co_return co_await refuse_prepaid(refusal_of(outcome->step));
    count_credential(metrics::AuthResult::ok);
    const store::SessionRecord& session = *outcome->session;
    const payment::RefundTold told{session.refund.value() / 1000, store::name(session.refund_progress)};
    const boost::json::object body{
        {"status", "closed"}, {"refundSats", told.sat}, {"refundStatus", std::string(told.status)}};
    request_->reply = local_answer(body, {proof.challenge_id, proof.session, outcome->at, told});
    co_return std::nullopt;
}

template <class Why>
http::Awaitable<std::optional<http::Problem>> Session::refuse_prepaid(const Why& why) {
    count_credential(why.counted);
    co_return co_await refuse_charge(why.problem, why.reason, std::string(why.detail));
}

}  // namespace millrace::front
