#include "service/admit/token.hpp"

#include <algorithm>

#include "service/admit/allowance.hpp"
#include "service/admit/price.hpp"
#include "service/admit/ticket.hpp"
#include "service/paywall/tiers.hpp"
#include "service/paywall/token_claim.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::admit {
namespace {

using paywall::AuthResult;
using paywall::Reason;

// Set aside for a request that may change something before the upstream is asked: so many of them side by side as are
// left of that, and not each for the same last byte.
constexpr std::uint64_t unsafe_lease = 64 * 1024;

Reason reason_of(paywall::Shortage shortage) {
    return shortage == paywall::Shortage::balance ? Reason::balance_too_low : Reason::quota_exhausted;
}

std::optional<AuthResult> counted(Reason reason) {
    return paywall::refusal_of(reason).counted;
}

// Sets aside what the request of the payer uses; a reason where the token has not enough left.
std::optional<Reason> reserve_use(RequestFacts& request, Pass& pass, const Books& books, const l402::Grant& grant,
                                  const std::optional<std::uint64_t>& uses_granted) {
    const config::Service& service = request.service();
    pass.use.reset();
    request.token_tier = grant.tier;
    const config::Quota quota = paywall::quota_bought(service, grant, uses_granted);
    if (!quota.any() || service.dry_run) return std::nullopt;
    const paywall::Usage ask{quota.uses ? 1U : 0U, quota.bytes && !request.is_safe() ? unsafe_lease : 0,
                             quota.credit ? request.quote.price.value() : 0};
    auto reserved = books.ledger.reserve(*pass.payer, quota, ask, service.held_for(request.quote.price, quota));
    if (auto* shortage = std::get_if<paywall::Shortage>(&reserved)) return reason_of(*shortage);
    pass.use.emplace(std::move(std::get<paywall::Reservation>(reserved)));
    return std::nullopt;
}

}  // namespace

paywall::Decision decide(const RequestFacts& request, const Books& books, const paywall::FoundCredential& credential,
                         paywall::Proof proof) {
    const config::Service& service = request.service();
    paywall::PaymentFacts facts;
    if (credential && credential->has_value()) {
        facts = books.known.facts((*credential)->identifier.payment_hash);
        facts.ended_before =
            std::max(books.known.ended_before(service.seller().text()), books.known.ended_before(service.name.text()));
    }
    const paywall::AdmissionInput input{
        service, request.config->services, request.match, request.asked(), credential, books.keys, facts, books.now,
        proof};
    return paywall::decide(input);
}

bool let_in_known(RequestFacts& request, Pass& pass, const Books& books, paywall::VerifiedCredential& known) {
    if (!about_tier(request, known.grant.tier)) return false;
    const config::Service& service = request.service();
    const paywall::Asked asked = request.asked();
    if (paywall::exceeds(known.grant, service, request.match, asked)) return false;
    if (!request.quote.priced && paywall::depends_on_price(known.grant, service, request.match, asked)) return false;
    const bool timed = service.timeout_of(known.grant.tier).has_value();
    if (!known.payment_known || (timed && !known.settled)) {
        const paywall::PaymentFacts facts = books.known.facts(known.token.payment_hash);
        if (!known.payment_known && facts.amount) return false;
        known.settled = facts.settled_at.has_value();
        known.until = paywall::end_of_token(service, known.grant, facts);
    }
    if (known.until && books.now >= *known.until) return false;
    if (check_upgrade(request, paywall::quota_bought(service, known.grant, known.uses_granted))) return false;
    pass.until = known.until;
    pass.payer = known.token.payment_hash;
    if (reserve_use(request, pass, books, known.grant, known.uses_granted)) return false;
    pass.room->assign(known.forward_headers);
    pass.token_headers = *pass.room;
    return true;
}

Step ByToken::begin(const Books& books) {
    const config::Service& service = request_.service();
    // Who brings a token is judged by what that bought.
    if (bare_) {
        if (auto refused = check_quota(request_)) return {Say{std::move(*refused)}};
    }
    if (!service.schemes.l402 && !service.dry_run) return refuse(Reason::no_credential);
    if (!bare_) return learn_price(books);
    stage_ = Stage::cookie;
    // A ticket that was bought for a thing names it.
    if (request_.quote.question && has_cookies(request_)) return {LearnPrice{request_.quote.offer_tier}};
    return look_for_ticket(books);
}

Step ByToken::go_on(const Books& books, Answer answer) {
    switch (stage_) {
        case Stage::cookie:
            return look_for_ticket(books);
        case Stage::price:
            return judge(books);
        case Stage::first_use:
            return first_use_recorded(books, std::get<Result<void>>(answer));
        case Stage::free_price:
            break;
    }
    // Without a price it is not known to be within what is free; demanding payment then says why.
    std::optional<paywall::FreeResult> allowance;
    if (!std::get<PriceLearned>(answer).problem && let_in_free(request_, pass_, books, &allowance)) return {LetIn{}};
    Step step = demand(refused_);
    step.allowance = allowance;
    return step;
}

Step ByToken::look_for_ticket(const Books& books) {
    ticket_ = find_ticket(request_, books);
    if (!ticket_) return judge(books);
    found_ = std::optional(ticket_->sealed.credential);
    proof_ = paywall::Proof::settlement;
    return learn_price(books);
}

// The price in the tier that was minted, where that matters. What a token says of itself is not believed, only looked
// up.
Step ByToken::learn_price(const Books& books) {
    if (!found_ || !found_->has_value()) return judge(books);
    const paywall::TokenClaim said((*found_)->macaroon, request_.service());
    const unsigned tier = said.claim.tier();
    if (!about_tier(request_, tier) || request_.quote.priced) return judge(books);
    const l402::Grant grant = said.claim.grant({});
    if (!paywall::depends_on_price(grant, request_.service(), request_.match, request_.asked())) return judge(books);
    stage_ = Stage::price;
    return {LearnPrice{tier}};
}

Step ByToken::judge(const Books& books) {
    const config::Service& service = request_.service();
    paywall::Decision decision = decide(request_, books, found_, proof_);
    const auto* demanded = std::get_if<paywall::DemandPayment>(&decision);
    if (service.dry_run && !std::holds_alternative<paywall::Admit>(decision)) {
        if (!demanded) return {LetInOnTrial{}};
        return {LetInOnTrial{demanded->reason}, counted(demanded->reason)};
    }
    if (auto* refused = std::get_if<paywall::BadRequest>(&decision))
        return {Say{{400, std::string(refused->detail)}}, AuthResult::malformed};
    if (auto* away = std::get_if<paywall::Unavailable>(&decision)) return {Say{unavailable(std::string(away->detail))}};
    if (demanded) return refuse(demanded->reason);

    admitted_ = std::move(std::get<paywall::Admit>(decision));
    const config::Quota bought = paywall::quota_bought(service, admitted_.grant, admitted_.uses_granted);
    if (auto uncounted = check_upgrade(request_, bought)) return {Say{std::move(*uncounted)}};
    if (request_.admits_nothing() || admitted_.first_use == paywall::FirstUse::known) return set_aside(books);
    books.known.paid(admitted_.token->payment_hash);  // its preimage is the proof
    stage_ = Stage::first_use;
    return {RecordFirstUse{*admitted_.token, books.today(), admitted_.first_use == paywall::FirstUse::must_record}};
}

// For nothing, where the service gives something away and the request brought nothing.
Step ByToken::refuse(Reason reason) {
    refused_ = reason;
    if (!bare_ || !may_be_free(request_)) return demand(reason);
    stage_ = Stage::free_price;
    return {LearnPrice{request_.quote.offer_tier}};
}

Step ByToken::demand(Reason reason) const {
    const config::Service& service = request_.service();
    if (request_.match.access == paywall::Access::auth_only) return {NotForSale{reason}, counted(reason)};
    if (!service.schemes.l402) {
        const bool brought = found_ && found_->has_value();
        return {Demand{reason, false, brought ? &paywall::not_sold_by_l402 : &paywall::sold_by_payment}};
    }
    if (auto refused = check_quota(request_)) return {Say{std::move(*refused)}, counted(reason)};
    return {Demand{reason}, counted(reason)};
}

Step ByToken::first_use_recorded(const Books& books, const Result<void>& recorded) {
    if (admitted_.first_use == paywall::FirstUse::note) return set_aside(books);
    if (!recorded)
        return {
            Say{unavailable("The use of the token could not be recorded. Nothing is lost: repeat the request later.")}};
    // Another request with the same token, or the payment's charge, may have been first.
    const paywall::PaymentFacts facts = books.known.facts(admitted_.token->payment_hash);
    if (facts.charged) return {Demand{Reason::spent}, AuthResult::spent};
    admitted_.until = paywall::end_of_token(request_.service(), admitted_.grant, facts);
    if (admitted_.until && books.now >= *admitted_.until) return {Demand{Reason::expired}, AuthResult::expired};
    return set_aside(books);
}

Step ByToken::set_aside(const Books& books) {
    const config::Service& service = request_.service();
    pass_.payer = admitted_.token->payment_hash;
    if (auto exhausted = reserve_use(request_, pass_, books, admitted_.grant, admitted_.uses_granted)) {
        request_.token_tier = request_.quote.offer_tier;  // what is for sale from here on
        return demand(*exhausted);
    }
    pass_.until = admitted_.until;
    std::string lines = relay::token_header_lines(*admitted_.token, service.name.text());
    if (const config::Tier* tier = service.tier(admitted_.grant.limits.lowest_tier()))
        lines += relay::tier_header_lines(tier->name, paywall::capabilities_of(service, admitted_.grant));
    pass_.tell_upstream(std::move(lines));
    LetIn end;
    // What its first use was not recorded of is judged again.
    if (!ticket_ && !request_.admits_nothing() && paywall::cacheable(**found_))
        end.remembered = paywall::VerifiedCredential{
            *admitted_.token, admitted_.grant,       std::string(pass_.token_headers), false, admitted_.payment_known,
            admitted_.until,  admitted_.uses_granted};
    end.kept = std::move(ticket_);
    return {std::move(end), AuthResult::ok};
}

}  // namespace millrace::admit
