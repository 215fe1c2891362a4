#include "service/admit/session.hpp"

#include <boost/json/serialize.hpp>

#include "common/payment/receipt.hpp"
#include "common/payment/return_invoice.hpp"
#include "service/admit/charge.hpp"

namespace millrace::admit {
namespace {

using payment::SessionAction;
using paywall::AuthResult;
using paywall::SessionBook;
using paywall::SessionStep;

// What the store did not do.
std::optional<Step> refused(const Result<paywall::SessionOutcome>& outcome, const char* not_recorded) {
    if (!outcome) return Step{Say{unavailable(not_recorded)}};
    if (outcome->step == SessionStep::done || outcome->step == SessionStep::repeated) return std::nullopt;
    return refuse(paywall::refusal_of(outcome->step));
}

http::Reply local_answer(const boost::json::object& body, const payment::Receipt& receipt) {
    return http::Reply{200,
                       "application/json",
                       boost::json::serialize(body) + '\n',
                       {"Cache-Control: no-store", "Payment-Receipt: " + payment::receipt_value(receipt)}};
}

}  // namespace

Step BySession::begin(const Books& books) {
    if (auto refused = refuse_payment(request_, credential_)) return std::move(*refused);
    pass_.prepaid = true;
    if (!books.keys)
        return {
            Say{unavailable("The node has not answered yet, so that no session can be checked. Nothing is lost: "
                            "repeat the request later.")}};
    return {LearnPrice{request_.quote.offer_tier}};
}

Step BySession::go_on(const Books& books, Answer answer) {
    switch (stage_) {
        case Stage::price:
            return verify(books, std::move(std::get<PriceLearned>(answer).problem));
        case Stage::open:
            return opened(books, std::get<Result<paywall::SessionOutcome>>(answer));
        case Stage::top_up:
            return topped_up(books, std::get<Result<paywall::SessionOutcome>>(answer));
        case Stage::close:
            return closed(std::get<Result<paywall::SessionOutcome>>(answer));
        case Stage::revoked:
            break;
    }
    return refuse(paywall::session_revoked);
}

// Further deposits and the end cost nothing: a pricer that is away keeps nobody from them.
Step BySession::verify(const Books& books, std::optional<http::Problem> unpriced) {
    if (!books.keys) return begin(books);
    auto judge = [&] {
        const std::string scope = request_.session_scope();
        return payment::verify_session(
            *credential_.credential,
            {*books.keys, request_.realm(), scope, unpriced ? Msat(0) : request_.quote.price, books.system_now});
    };
    payment::SessionVerdict verdict = judge();
    if (verdict.refusal == payment::SessionRefusal::wrong_scope && request_.service().realm) {
        request_.sold_before_realm = true;
        payment::SessionVerdict other = judge();
        request_.sold_before_realm = !other.refusal || other.proof;
        if (request_.sold_before_realm) verdict = std::move(other);
    }
    if (verdict.refusal && !verdict.proof) return refuse(paywall::refusal_of(*verdict.refusal));
    proof_ = std::move(*verdict.proof);
    const bool serves = payment::serves_request(proof_.action);
    if (unpriced && serves) return {Say{std::move(*unpriced)}};
    pass_.payer = proof_.session;
    // What costs nothing is no use: who is held up by a limit may end the session, or pay more into it.
    if (serves) {
        if (auto limited = limit_use(request_, pass_, books.use_limits, books.tick)) return {Say{std::move(*limited)}};
    }
    in_time_ = !verdict.refusal || was_paid_in_time(books.known, proof_.deposit, proof_.expires);
    underpriced_ = verdict.underpriced;
    switch (proof_.action) {
        case SessionAction::open:
            return open(books);
        case SessionAction::bearer:
            return enter(books);
        case SessionAction::top_up:
            return top_up(books);
        case SessionAction::close:
            break;
    }
    return close(books);
}

Step BySession::open(const Books& books) {
    // One that is open already stays as it is, return invoice and all: the request is one of its.
    if (!books.sessions.state(proof_.session)) {
        const std::optional<payment::Network> network = books.known.network();
        if (!network)
            return {
                Say{unavailable("The node has not told its network yet. Nothing is lost: repeat the request later.")}};
        const std::string node_id = books.known.node_id();
        const std::chrono::seconds idle = request_.service().sessions->idle_timeout;
        const payment::ReturnInvoiceFacts facts{*network, node_id, books.system_now, idle};
        const Result<void> checked = payment::check_return_invoice(proof_.return_invoice, facts);
        if (!checked) return refuse(paywall::bad_return_invoice, checked.error().message);
    }
    // Its preimage is the proof: nobody else is to be given this invoice, though its settlement was not heard of yet.
    books.known.paid(proof_.deposit);
    stage_ = Stage::open;
    return {OpenSession{{{proof_.deposit, proof_.deposit_amount, proof_.challenge_id, in_time_},
                         request_.session_scope(),
                         request_.service().seller().text(),
                         proof_.return_invoice,
                         request_.service().sessions->idle_timeout,
                         books.seconds()}}};
}

Step BySession::opened(const Books& books, const Result<paywall::SessionOutcome>& outcome) {
    if (auto not_done =
            refused(outcome, "The session could not be recorded. Nothing is lost: repeat the request later."))
        return std::move(*not_done);
    const paywall::SessionRecord& session = *outcome->session;
    books.sessions.add(session.id,
                       {session.scope, session.deposit, session.idle, SessionBook::State::open, session.deposits});
    if (underpriced_) return refuse(paywall::price_risen);
    return enter(books);
}

// One request of a session: what it costs is set aside.
Step BySession::enter(const Books& books) {
    if (books.known.facts(proof_.session).revoked) return refuse(paywall::session_revoked);
    auto entered = books.sessions.enter(proof_.session, request_.session_scope());
    if (const auto* refusal = std::get_if<SessionBook::Refusal>(&entered)) return refuse(paywall::refusal_of(*refusal));
    pass_.visit.emplace(std::move(std::get<SessionBook::Visit>(entered)));
    const config::Service& service = request_.service();
    config::Quota quota;
    quota.credit = books.sessions.deposit(proof_.session);
    auto reserved = books.ledger.reserve(proof_.session, quota, {0, 0, request_.quote.price.value()},
                                         service.held_for(request_.quote.price, quota));
    if (std::holds_alternative<paywall::Shortage>(reserved)) {
        pass_.visit.reset();
        return refuse(paywall::session_exhausted);
    }
    pass_.use.emplace(std::move(std::get<paywall::Reservation>(reserved)));
    pass_.tell_upstream(payment_lines(request_, proof_.session));
    pass_.receipt = payment::receipt_value({proof_.challenge_id, proof_.session, books.seconds()});
    return {LetIn{}, AuthResult::ok};
}

Step BySession::top_up(const Books& books) {
    books.known.paid(proof_.deposit);
    if (books.known.facts(proof_.session).revoked || books.known.facts(proof_.deposit).revoked)
        return refuse(paywall::session_revoked);
    stage_ = Stage::top_up;
    return {TopUpSession{{proof_.session,
                          {proof_.deposit, proof_.deposit_amount, proof_.challenge_id, in_time_},
                          request_.session_scope(),
                          books.seconds()}}};
}

Step BySession::topped_up(const Books& books, const Result<paywall::SessionOutcome>& outcome) {
    if (auto not_done =
            refused(outcome, "The deposit could not be recorded. Nothing is lost: repeat the request later."))
        return std::move(*not_done);
    books.sessions.set_deposit(proof_.session, outcome->session->deposit, proof_.deposit);
    // Revoked while it was committed: whoever revokes from now on finds it in the book, and who did before found it
    // nowhere.
    if (books.known.facts(proof_.deposit).revoked) {
        stage_ = Stage::revoked;
        return {CloseSession{{proof_.session, paywall::ClosedBy::operator_, {}, {}, books.seconds()}, false}};
    }
    const boost::json::object body{{"status", "ok"}};
    return {Reply{local_answer(body, {proof_.challenge_id, proof_.session, outcome->at})}, AuthResult::ok};
}

Step BySession::close(const Books& books) {
    if (books.sessions.state(proof_.session) == std::nullopt)
        return refuse(paywall::refusal_of(SessionBook::Refusal::not_found));
    stage_ = Stage::close;
    return {CloseSession{{proof_.session, paywall::ClosedBy::client, proof_.challenge_id, {}, books.seconds()}}};
}

Step BySession::closed(const Result<paywall::SessionOutcome>& outcome) const {
    if (auto not_done = refused(outcome, "The session could not be closed. Nothing is lost: repeat the request later."))
        return std::move(*not_done);
    const paywall::SessionRecord& session = *outcome->session;
    const payment::RefundTold told{session.refund.value() / 1000, paywall::name(session.refund_progress)};
    const boost::json::object body{
        {"status", "closed"}, {"refundSats", told.sat}, {"refundStatus", std::string(told.status)}};
    return {Reply{local_answer(body, {proof_.challenge_id, proof_.session, outcome->at, told})}, AuthResult::ok};
}

}  // namespace millrace::admit
