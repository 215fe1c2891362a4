// Whether the request is let in: the driver of the schemes in service/admit. What they ask for is done here, and what they
// decided becomes an answer.

#include "common/codec/log_text.hpp"
#include "service/admit/price.hpp"
#include "service/admit/scheme.hpp"
#include "service/admit/token.hpp"
#include "service/front/session.hpp"
#include "service/http/await_callback.hpp"
#include "service/log/log.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::front {

using paywall::Reason;

admit::Books Session::books() {
    Shared& shared = worker_.shared();
    const auto tick = Clock::now();
    return {worker_.keys(),
            shared.wall.now(tick),
            std::chrono::system_clock::now(),
            tick,
            worker_.known(),
            shared.ledger,
            shared.free_ledger,
            shared.work,
            shared.sessions,
            shared.use_limits};
}

// False: the request is let in already, as nearly every paid one is: by one Authorization field that was verified before.
bool Session::is_unknown() {
    if (request_->match.access == paywall::Access::free) return false;
    Exchange& x = *exchange_;
    admit::find_credential_fields(x.request.head(), x.credential_fields);
    if (!brings_one_token()) return true;
    if (worker_.refresh() != request_->generation || !worker_.keys()) return true;
    paywall::VerifiedCredential* known =
        worker_.cache().find({x.credential_fields.front().second, request_->match.service});
    if (!known || !admit::let_in_known(*request_, *request_, books(), *known)) return true;
    count_credential(metrics::AuthResult::ok);
    return false;
}

bool Session::brings_one_token() const {
    const auto& fields = exchange_->credential_fields;
    return fields.size() == 1 && relay::is_l402_authorization(fields.front().second);
}

std::optional<http::Problem> Session::check_limits() {
    const bool by_charge = !request_->receipt.empty();  // whose use was within the limits before it was recorded
    if (by_charge) return std::nullopt;
    return admit::limit_use(*request_, *request_, worker_.shared().use_limits, Clock::now());
}

std::optional<http::Problem> Session::check_here() {
    if (!request_->admits_nothing()) return std::nullopt;
    return admit::not_here(*request_);
}

bool Session::has_reply() {
    return request_->reply.has_value();
}

http::Awaitable<bool> Session::send_reply() {
    http::Reply reply = std::move(*request_->reply);
    return answer(std::move(reply), Outcome::served);
}

// Empty where the request may pass, or where reply is the answer.
http::Awaitable<std::optional<http::Problem>> Session::admit() {
    const std::unique_ptr<admit::Scheme> scheme = admit::scheme_for(*request_, *request_, exchange_->credential_fields);
    const auto began = Clock::now();
    admit::Step step = scheme->begin(books());
    std::chrono::duration<double> took = Clock::now() - began;
    for (;;) {
        count(step);
        std::optional<admit::Answer> answer = co_await perform(step);
        if (!answer) break;
        const auto resumed = Clock::now();
        step = scheme->go_on(books(), std::move(*answer));
        took += Clock::now() - resumed;
    }
    if (!exchange_->credential_fields.empty()) worker_.counts().verify.observe(took.count(), metrics::verify_bounds);
    co_return co_await conclude(step);
}

void Session::count(const admit::Step& step) {
    if (step.counted) count_credential(*step.counted);
    if (step.allowance) count_allowance(*step.allowance);
}

// What the step asks for; empty where it is an end.
http::Awaitable<std::optional<admit::Answer>> Session::perform(admit::Step& step) {
    using paywall::SessionOutcome;
    Shared& shared = worker_.shared();
    store::Store& store = shared.store;
    const http::Executor executor = worker_.context().get_executor();
    if (auto* ask = std::get_if<admit::LearnPrice>(&step.what)) {
        admit::PriceLearned learned;
        learned.problem = co_await price_in(ask->tier);
        co_return admit::Answer(std::move(learned));
    }
    if (auto* ask = std::get_if<admit::RecordFirstUse>(&step.what)) {
        const std::string& name = service().name.text();
        if (!ask->wait) {
            store.record_first_use(ask->token, name, ask->at, [](const Result<std::chrono::sys_seconds>&) {});
            co_return admit::Answer(Result<void>());
        }
        auto start = [&store, ask, &name](auto done) {
            store.record_first_use(ask->token, name, ask->at, std::move(done));
        };
        auto recorded = co_await http::await_callback<Result<std::chrono::sys_seconds>>(executor, start);
        co_return admit::Answer(recorded ? Result<void>() : Result<void>(recorded.error()));
    }
    if (auto* ask = std::get_if<admit::UseCharge>(&step.what)) {
        auto start = [&store, ask](auto done) { store.use_charge(std::move(ask->use), std::move(done)); };
        auto used = co_await http::await_callback<Result<paywall::ChargeAdmission>>(executor, start);
        co_return admit::Answer(std::move(used));
    }
    if (auto* ask = std::get_if<admit::OpenSession>(&step.what)) {
        auto start = [&store, ask](auto done) { store.sessions().open(std::move(ask->open), std::move(done)); };
        auto outcome = co_await http::await_callback<Result<SessionOutcome>>(executor, start);
        if (outcome && outcome->step == paywall::SessionStep::done) {
            const paywall::SessionRecord& session = *outcome->session;
            shared.metrics.session(metrics::SessionEvent::opened);
            log::info("session {} opened for {}: {} msat", session.id.hex(), session.scope, session.deposit.value());
        }
        co_return admit::Answer(std::move(outcome));
    }
    if (auto* ask = std::get_if<admit::TopUpSession>(&step.what)) {
        auto start = [&store, ask](auto done) { store.sessions().top_up(std::move(ask->top_up), std::move(done)); };
        auto outcome = co_await http::await_callback<Result<SessionOutcome>>(executor, start);
        if (outcome && outcome->step == paywall::SessionStep::done)
            shared.metrics.session(metrics::SessionEvent::topped_up);
        co_return admit::Answer(std::move(outcome));
    }
    if (auto* ask = std::get_if<admit::CloseSession>(&step.what)) {
        sessions::Closer& closer = shared.closer;
        if (!ask->wait) {
            closer.close(std::move(ask->close), [](const Result<SessionOutcome>&) {});
            co_return admit::Answer(Result<SessionOutcome>());
        }
        auto start = [&closer, ask](auto done) { closer.close(std::move(ask->close), std::move(done)); };
        auto outcome = co_await http::await_callback<Result<SessionOutcome>>(executor, start);
        co_return admit::Answer(std::move(outcome));
    }
    co_return std::nullopt;
}

// What an end means for the request.
http::Awaitable<std::optional<http::Problem>> Session::conclude(admit::Step& step) {
    if (auto* let_in = std::get_if<admit::LetIn>(&step.what)) {
        if (let_in->kept) keep_cookie(std::move(*let_in->kept));
        if (let_in->remembered) remember(std::move(*let_in->remembered));
        co_return std::nullopt;
    }
    if (auto* on_trial = std::get_if<admit::LetInOnTrial>(&step.what)) {
        note_dry_run(on_trial->reason);
        co_return std::nullopt;
    }
    if (auto* reply = std::get_if<admit::Reply>(&step.what)) {
        request_->reply = std::move(reply->reply);
        co_return std::nullopt;
    }
    if (auto* say = std::get_if<admit::Say>(&step.what)) co_return std::move(say->problem);
    if (auto* only = std::get_if<admit::NotForSale>(&step.what)) co_return not_for_sale(only->reason);
    if (auto* refused = std::get_if<admit::Refuse>(&step.what)) {
        http::Problem problem = co_await refuse_payment(*refused);
        co_return problem;
    }
    const admit::Demand& demand = std::get<admit::Demand>(step.what);
    http::Problem problem = co_await demand_payment(demand.reason, demand.worked);
    if (demand.words && problem.status == 402) {
        problem.reason = demand.words->reason;
        problem.detail = demand.words->detail;
    }
    // The solution of a task got an invoice, or came to nothing.
    if (problem.status != 402) give_work_back();
    request_->work.reset();
    co_return problem;
}

// As the Payment scheme does: a 402 comes with a fresh challenge.
http::Awaitable<http::Problem> Session::refuse_payment(const admit::Refuse& refused) {
    const payment::ProblemText& text = payment::text(*refused.why.problem);
    http::Problem problem{text.status, {}};
    if (text.status == 402) problem = co_await demand_payment(Reason::no_credential);
    if (problem.status != text.status) co_return problem;
    problem.type = text.type;
    problem.title = text.title;
    problem.reason = refused.why.reason;
    problem.detail = refused.detail.empty() ? std::string(refused.why.detail) : refused.detail;
    co_return problem;
}

void Session::remember(paywall::VerifiedCredential known) {
    // Keys or configuration may have changed while the first use was recorded.
    if (!brings_one_token() || worker_.refresh() != request_->generation) return;
    worker_.cache().add({exchange_->credential_fields.front().second, request_->match.service}, std::move(known));
}

// What would have been refused, had the service not been on trial.
void Session::note_dry_run(const std::optional<Reason>& reason) {
    request_->counts->challenge(metrics::ChallengeResult::dry_run);
    log::info("service {}: dry run: {} {} would not have passed ({}, {} msat)", service().name.text(),
              exchange_->request.head().method, codec::log_text(exchange_->target.path),
              reason ? paywall::name(*reason) : std::string_view("undecided"), request_->quote.price.value());
}

}  // namespace millrace::front
