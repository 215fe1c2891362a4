// Proof of work: where more invoices are asked for than are made out, a client that works for it gets past the limit.
//
//   add_task()    a 429 comes with a task, if [challenges] has pow
//   admit_work()  a credential L402 <macaroon>:POW: an invoice beyond the limits, or, where the service says so, the
//                 request itself
//
// Work opens nothing that is sold but for a service with pow = "request", and there one request, of no more than the
// service's price, without an upgrade, and not where a token of a certain kind is needed.
#include "common/l402/work.hpp"
#include "service/front/session.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::front {

bool Session::offers_work() const {
    if (!request_->site->config.challenges.pow || service().dry_run) return false;
    for (const auto& [name, value] : exchange_->credential_fields) {
        if (relay::same_field_name(name, "Authorization") && l402::is_work_authorization(value)) return true;
    }
    return false;
}

// What work buys of this request.
config::WorkBuys Session::bought_by_work() const {
    using enum config::WorkBuys;
    // A front proxy asks twice about one request, and work is honoured once.
    if (!request_->site->config.challenges.pow || !service().schemes.l402 ||
        request_->match.access != paywall::Access::sold || request_->front_question)
        return nothing;
    const bool whole = request_->quote.priced && request_->quote.price <= service().price &&
                       !is_reserved_for_tokens() && exchange_->request.head().upgrade.empty();
    return service().work_buys == request && !whole ? invoice : service().work_buys;
}

void Session::add_task(http::Problem& problem) {
    // A quote's answer has no room for it.
    const config::WorkBuys buys = request_->own ? config::WorkBuys::nothing : bought_by_work();
    if (buys == config::WorkBuys::nothing) return;
    const paywall::WorkDesk::Task task =
        worker_.shared().work.set(*request_->site->config.challenges.pow, service().name.text(), buys, today());
    problem.challenges.push_back(l402::work_line(task.token_base64, task.bits));
    problem.reason = "work";
    problem.detail += buys == config::WorkBuys::request
                          ? " Or solve the task in WWW-Authenticate, which opens this once."
                          : " Or solve the task in WWW-Authenticate, which gets an invoice now.";
}

http::Awaitable<std::optional<http::Problem>> Session::admit_work() {
    if (request_->match.access == paywall::Access::auth_only) co_return not_for_sale(paywall::Reason::no_credential);
    if (exchange_->credential_fields.size() != 1) {
        count_credential(metrics::AuthResult::malformed);
        co_return http::Problem{400, "The request carries more than one credential; send one."};
    }
    auto unpriced = co_await price_in(request_->quote.offer_tier);
    if (unpriced) co_return std::move(*unpriced);
    const auto solution = l402::parse_work_authorization(exchange_->credential_fields.front().second);
    const config::WorkBuys buys = bought_by_work();
    if (!solution || buys == config::WorkBuys::nothing) {
        count_credential(metrics::AuthResult::malformed);
        co_return co_await demand_payment(solution ? paywall::Reason::work_refused : paywall::Reason::malformed);
    }
    const config::Work& settings = *request_->site->config.challenges.pow;
    if (auto closed = worker_.shared().desk.closed(); closed && buys == config::WorkBuys::invoice)
        co_return not_issued(*closed, true);
    switch (worker_.shared().work.use(settings, *solution, service().name.text(), buys, today(), Clock::now())) {
        case paywall::WorkVerdict::refused:
            count_credential(metrics::AuthResult::bad_signature);
            co_return co_await demand_payment(paywall::Reason::work_refused);
        case paywall::WorkVerdict::busy: {
            http::Problem problem{429, "Too many solutions come in. Keep yours and send it again soon."};
            problem.retry_after = 1;
            co_return problem;
        }
        case paywall::WorkVerdict::good:
            break;
    }
    count_credential(metrics::AuthResult::worked);
    if (const auto task = l402::Identifier::decode(solution->identifier)) request_->work = task->token_id;
    if (buys == config::WorkBuys::invoice) {
        http::Problem demanded = co_await demand_payment(paywall::Reason::no_credential, true);
        if (demanded.status != 402) give_work_back();
        request_->work.reset();
        co_return demanded;
    }
    exchange_->token_headers = "X-L402-Service: " + service().name.text() + "\r\nX-L402-Access: work\r\n";
    request_->token_headers = exchange_->token_headers;
    lasts_as_a_token(0);
    co_return std::nullopt;
}

// What it was solved for came to nothing.
void Session::give_work_back() {
    if (request_->work)
        worker_.shared().work.give_back(*request_->site->config.challenges.pow,
                                        *std::exchange(request_->work, std::nullopt));
}

}  // namespace millrace::front
