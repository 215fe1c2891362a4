#include "service/admit/work.hpp"

namespace millrace::admit {

using paywall::AuthResult;
using paywall::Reason;

config::WorkBuys bought_by_work(const RequestFacts& request) {
    using Buys = config::WorkBuys;
    const config::Service& service = request.service();
    // A front proxy asks twice about one request, and work is honoured once.
    if (!request.config->challenges.pow || !service.schemes.l402 || request.match.access != paywall::Access::sold ||
        request.front_question)
        return Buys::nothing;
    const bool whole = request.quote.priced && request.quote.price <= service.price &&
                       !request.is_reserved_for_tokens() && request.head->upgrade.empty();
    return service.work_buys == Buys::request && !whole ? Buys::invoice : service.work_buys;
}

Step ByWork::begin(const Books&) {
    if (auto refused = check_quota(request_)) return {Say{std::move(*refused)}};
    if (request_.match.access == paywall::Access::auth_only) return {NotForSale{}};
    if (!credential_.alone)
        return {Say{{400, "The request carries more than one credential; send one."}}, AuthResult::malformed};
    return {LearnPrice{request_.quote.offer_tier}};
}

Step ByWork::go_on(const Books& books, Answer answer) {
    if (auto& unpriced = std::get<PriceLearned>(answer).problem) return {Say{std::move(*unpriced)}};
    const config::WorkBuys buys = bought_by_work(request_);
    if (!credential_.solution) return {Demand{Reason::malformed}, AuthResult::malformed};
    if (buys == config::WorkBuys::nothing) return {Demand{Reason::work_refused}, AuthResult::malformed};
    // Demanding payment says why there is no invoice, and the solution stays good.
    if (buys == config::WorkBuys::invoice && !books.known.sells()) return {Demand{Reason::no_credential, true}};
    const config::Work& settings = *request_.config->challenges.pow;
    const std::string& name = request_.service().name.text();
    switch (books.work.use(settings, *credential_.solution, name, buys, books.today(), books.tick)) {
        case paywall::WorkVerdict::refused:
            return {Demand{Reason::work_refused}, AuthResult::bad_signature};
        case paywall::WorkVerdict::busy: {
            http::Problem problem{429, "Too many solutions come in. Keep yours and send it again soon."};
            problem.retry_after = 1;
            return {Say{std::move(problem)}};
        }
        case paywall::WorkVerdict::good:
            break;
    }
    if (const auto task = l402::Identifier::decode(credential_.solution->identifier)) pass_.work = task->token_id;
    if (buys == config::WorkBuys::invoice) return {Demand{Reason::no_credential, true}, AuthResult::worked};
    pass_.tell_upstream("X-L402-Service: " + name + "\r\nX-L402-Access: work\r\n");
    lasts_as_a_token(request_, pass_, 0, books.now);
    return {LetIn{}, AuthResult::worked};
}

}  // namespace millrace::admit
