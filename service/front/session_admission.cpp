#include <spdlog/spdlog.h>

#include "common/codec/log_text.hpp"
#include "service/front/session.hpp"
#include "service/http/await_callback.hpp"
#include "service/pages/pay_cookie.hpp"
#include "service/paywall/tiers.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::front {
namespace {

using paywall::Reason;

metrics::AuthResult auth_result(Reason reason) {
    switch (reason) {
        case Reason::no_credential:
        case Reason::malformed:
        case Reason::third_party:
            return metrics::AuthResult::malformed;
        case Reason::unknown_key:
            return metrics::AuthResult::revoked;
        case Reason::bad_signature:
            return metrics::AuthResult::bad_signature;
        case Reason::bad_preimage:
            return metrics::AuthResult::bad_preimage;
        case Reason::wrong_scope:
        case Reason::widened:
        case Reason::tier_too_low:
        case Reason::missing_capability:
            return metrics::AuthResult::wrong_scope;
        case Reason::expired:
            return metrics::AuthResult::expired;
        case Reason::underpaid:
            return metrics::AuthResult::underpaid;
        case Reason::spent:
            return metrics::AuthResult::spent;
        case Reason::quota_exhausted:
        case Reason::balance_too_low:
            return metrics::AuthResult::exhausted;
        case Reason::revoked:
            return metrics::AuthResult::revoked;
        case Reason::work_refused:
            return metrics::AuthResult::bad_signature;
    }
    return metrics::AuthResult::malformed;
}

std::chrono::sys_seconds whole_seconds(paywall::Time time) {
    return std::chrono::floor<std::chrono::seconds>(time);
}

}  // namespace

void Session::collect_credential_fields() {
    Exchange& x = *exchange_;
    x.credential_fields.clear();
    for (const http::HeaderLine& line : x.request.head().fields) {
        bool candidate = line.id == http::Field::authorization ||
                         (line.id == http::Field::unknown && l402::is_credential_header(line.name));
        if (candidate) x.credential_fields.emplace_back(line.name, line.value);
    }
}

// The way of nearly every paid request: one Authorization field that was verified before. False: the long way decides.
bool Session::admit_from_cache() {
    if (request_->match.access == paywall::Access::free) return true;
    Exchange& x = *exchange_;
    collect_credential_fields();
    if (x.credential_fields.size() != 1 || !relay::is_l402_authorization(x.credential_fields.front().second))
        return false;
    if (worker_.refresh() != request_->generation || !worker_.keys()) return false;
    paywall::VerifiedCredential* known =
        worker_.cache().find({x.credential_fields.front().second, request_->match.service});
    if (!known || !about_tier(known->grant.tier)) return false;
    if (paywall::exceeds(known->grant, service(), request_->match, asked())) return false;
    if (!request_->quote.priced && paywall::depends_on_price(known->grant, service(), request_->match, asked()))
        return false;
    const bool timed = service().timeout_of(known->grant.tier).has_value();
    if (!known->payment_known || (timed && !known->settled)) {
        paywall::PaymentFacts facts = worker_.shared().store.facts(known->token.payment_hash);
        if (!known->payment_known && facts.amount) return false;
        known->settled = facts.settled_at.has_value();
        known->until = paywall::end_of_token(service(), known->grant, facts);
    }
    if (known->until && worker_.now() >= *known->until) return false;
    if (check_upgrade(paywall::quota_bought(service(), known->grant, known->uses_granted))) return false;
    request_->until = known->until;
    request_->payer = known->token.payment_hash;
    if (reserve_use(known->grant, known->uses_granted)) return false;
    x.token_headers = known->forward_headers;
    request_->token_headers = x.token_headers;
    count_credential(metrics::AuthResult::ok);
    return true;
}

paywall::Decision Session::decide(paywall::FoundCredential& credential, paywall::Proof proof) {
    paywall::PaymentFacts facts;
    bool present = credential && credential->has_value();
    if (present) {
        const store::Store& store = worker_.shared().store;
        facts = store.facts((*credential)->identifier.payment_hash);
        facts.ended_before =
            std::max(store.ended_before(service().seller().text()), store.ended_before(service().name.text()));
    }
    auto began = Clock::now();
    paywall::AdmissionInput input{service(),
                                  request_->site->config.services,
                                  request_->match,
                                  asked(),
                                  credential,
                                  worker_.keys(),
                                  facts,
                                  worker_.now(),
                                  proof};
    paywall::Decision decision = paywall::decide(input);
    std::chrono::duration<double> took = Clock::now() - began;
    if (present) worker_.counts().verify.observe(took.count(), metrics::verify_bounds);
    return decision;
}

http::Awaitable<std::optional<http::Problem>> Session::admission() {
    if (may_be_gift()) co_await look_for_gift();
    std::optional<http::Problem> problem;
    if (!admit_from_cache()) problem = co_await admit();
    if (problem || request_->reply) co_return problem;
    const bool by_charge = !request_->receipt.empty();  // whose use was within the limits before it was recorded
    if (!by_charge) problem = limit_use();
    if (!problem && admits_nothing()) problem = not_here();
    if (!problem) problem = check_recordable();
    if (problem) give_work_back();
    co_return problem;
}

http::Awaitable<std::optional<http::Problem>> Session::admit() {
    // Who brings a token is judged by what that bought.
    const bool by_token = !exchange_->credential_fields.empty() && !offers_payment_credential() && !offers_work();
    if (auto refused = check_quota(); refused && !by_token) co_return refused;
    // A service on trial takes whatever comes, and uses nothing up.
    if (offers_payment_credential() && !service().dry_run) co_return co_await admit_charge();
    if (offers_work()) co_return co_await admit_work();
    paywall::FoundCredential credential = l402::find_credential(exchange_->credential_fields);
    const bool bare = credential && !credential->has_value();  // only such requests are served for nothing
    if (!service().schemes.l402 && !service().dry_run) {
        const bool free = bare && co_await reserve_free_use();
        if (free) co_return std::nullopt;
        co_return co_await demand_other_scheme();
    }
    paywall::Proof proof = paywall::Proof::preimage;
    std::optional<HeldTicket> ticket;
    if (credential && !credential->has_value()) {
        const http::RequestHead& head = exchange_->request.head();
        bool may_have_bought =
            request_->quote.question && !pages::find_service_cookies(head, service().name.text()).empty();
        if (may_have_bought) (void)co_await price_in(request_->quote.offer_tier);
        ticket = find_ticket();
        if (ticket) {
            credential = ticket->sealed.credential;
            proof = paywall::Proof::settlement;
        }
    }
    if (credential && credential->has_value()) co_await learn_price((*credential)->macaroon);
    paywall::Decision decision = decide(credential, proof);
    if (service().dry_run && !std::holds_alternative<paywall::Admit>(decision)) {
        note_dry_run(decision);
        co_return std::nullopt;
    }
    if (auto* refused = std::get_if<paywall::BadRequest>(&decision)) {
        count_credential(metrics::AuthResult::malformed);
        co_return http::Problem{400, std::string(refused->detail)};
    }
    if (auto* unavailable = std::get_if<paywall::Unavailable>(&decision)) {
        http::Problem problem{503, std::string(unavailable->detail)};
        problem.retry_after = 5;
        co_return problem;
    }
    if (auto* demand = std::get_if<paywall::DemandPayment>(&decision)) {
        const bool free = bare && co_await reserve_free_use();
        if (free) co_return std::nullopt;
        if (demand->reason != Reason::no_credential) count_credential(auth_result(demand->reason));
        if (request_->match.access == paywall::Access::auth_only) co_return not_for_sale(demand->reason);
        if (auto refused = check_quota()) co_return refused;
        http::Problem problem = co_await demand_payment(demand->reason);
        co_return problem;
    }
    paywall::Admit& admitted = std::get<paywall::Admit>(decision);
    if (admitted.token) {
        if (auto counted = check_upgrade(paywall::quota_bought(service(), admitted.grant, admitted.uses_granted)))
            co_return counted;
    }
    if (!admits_nothing()) {
        std::optional<http::Problem> problem = co_await start_clock(admitted);
        if (problem) co_return problem;
    }
    request_->payer = admitted.token->payment_hash;
    if (auto exhausted = reserve_use(admitted.grant, admitted.uses_granted)) {
        count_credential(auth_result(*exhausted));
        if (request_->match.access == paywall::Access::auth_only) co_return not_for_sale(*exhausted);
        request_->token_tier = request_->quote.offer_tier;  // what is for sale from here on
        if (auto refused = check_quota()) co_return refused;
        http::Problem demanded = co_await demand_payment(*exhausted);
        co_return demanded;
    }
    count_credential(metrics::AuthResult::ok);
    request_->until = admitted.until;
    if (ticket) keep_cookie(std::move(*ticket));
    tell_upstream(*admitted.token, admitted.grant);
    remember(credential, admitted);
    co_return std::nullopt;
}

// Records the first use of a token. Where something depends on it, the request waits until that is on disk.
http::Awaitable<std::optional<http::Problem>> Session::start_clock(paywall::Admit& admit) {
    if (admit.first_use == paywall::FirstUse::known) co_return std::nullopt;
    store::Store& store = worker_.shared().store;
    l402::Identifier token = *admit.token;
    PaymentHash hash = token.payment_hash;
    // Its preimage is the proof: nobody else is to be given this invoice, though its settlement was not heard of yet.
    worker_.shared().desk.paid(hash);
    std::chrono::sys_seconds now = whole_seconds(worker_.now());
    if (admit.first_use == paywall::FirstUse::note) {
        store.record_first_use(token, service().name.text(), now, [](const Result<std::chrono::sys_seconds>&) {});
        co_return std::nullopt;
    }
    auto start = [&store, token, now, name = service().name.text()](auto done) {
        store.record_first_use(token, name, now, std::move(done));
    };
    Result<std::chrono::sys_seconds> recorded =
        co_await http::await_callback<Result<std::chrono::sys_seconds>>(worker_.context().get_executor(), start);
    if (!recorded) {
        http::Problem problem{503,
                              "The use of the token could not be recorded. Nothing is lost: repeat the request later."};
        problem.retry_after = 5;
        co_return problem;
    }
    // Another request with the same token, or the payment's charge, may have been first.
    paywall::PaymentFacts facts = store.facts(hash);
    if (facts.charged) {
        count_credential(metrics::AuthResult::spent);
        http::Problem problem = co_await demand_payment(Reason::spent);
        co_return problem;
    }
    admit.until = paywall::end_of_token(service(), admit.grant, facts);
    if (admit.until && worker_.now() >= *admit.until) {
        count_credential(metrics::AuthResult::expired);
        http::Problem problem = co_await demand_payment(Reason::expired);
        co_return problem;
    }
    co_return std::nullopt;
}

void Session::remember(const paywall::FoundCredential& credential, const paywall::Admit& admit) {
    const auto& fields = exchange_->credential_fields;
    if (admits_nothing()) return;  // its first use was not recorded
    if (worker_.refresh() != request_->generation)
        return;  // keys or configuration changed while the first use was recorded
    if (fields.size() != 1 || !relay::is_l402_authorization(fields.front().second) || !paywall::cacheable(**credential))
        return;
    paywall::VerifiedCredential known{*admit.token,        admit.grant, exchange_->token_headers, false,
                                      admit.payment_known, admit.until, admit.uses_granted};
    worker_.cache().add({fields.front().second, request_->match.service}, std::move(known));
}

void Session::tell_upstream(const l402::Identifier& token, const l402::Grant& grant) {
    std::string& lines = exchange_->token_headers;
    lines = relay::token_header_lines(token, service().name.text());
    if (const config::Tier* tier = service().tier(grant.limits.lowest_tier()))
        lines += relay::tier_header_lines(tier->name, paywall::capabilities_of(service(), grant));
    request_->token_headers = lines;
}

// What would have been refused, had the service not been on trial.
// What has no end of its own, a stream or a connection that is upgraded, lasts no longer than what a token buys.
void Session::lasts_as_a_token(unsigned tier) {
    if (const auto lasts = service().timeout_of(tier)) request_->until = worker_.now() + *lasts;
}

void Session::note_dry_run(const paywall::Decision& decision) {
    auto* demand = std::get_if<paywall::DemandPayment>(&decision);
    if (demand && demand->reason != Reason::no_credential) count_credential(auth_result(demand->reason));
    request_->counts->challenge(metrics::ChallengeResult::dry_run);
    std::string_view reason = demand ? paywall::name(demand->reason) : std::string_view("undecided");
    spdlog::info("service {}: dry run: {} {} would not have passed ({}, {} msat)", service().name.text(),
                 exchange_->request.head().method, codec::log_text(exchange_->target.path), reason,
                 request_->quote.price.value());
}

}  // namespace millrace::front
