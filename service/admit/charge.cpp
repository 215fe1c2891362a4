#include "service/admit/charge.hpp"

#include "common/payment/receipt.hpp"
#include "service/admit/price.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::admit {

using paywall::AuthResult;
using paywall::ChargeAdmission;

std::optional<Step> refuse_payment(const RequestFacts& request, const Payment& credential) {
    if (auto refused = check_quota(request)) return Step{Say{std::move(*refused)}};
    if (!credential.alone)
        return Step{Say{{400, "The request carries two different credentials; send one."}}, AuthResult::malformed};
    // Where nothing is sold, only a token opens.
    if (request.match.access == paywall::Access::auth_only) return Step{NotForSale{}};
    if (!request.service().schemes.payment) return refuse(paywall::not_sold_by_payment);
    if (credential.credential) return std::nullopt;
    return refuse(paywall::payment_malformed, credential.credential.error().message);
}

payment::ChargeVerdict ByCharge::verify(const Books& books) {
    (void)about_tier(request_, request_.quote.offer_tier);
    if (!request_.quote.thing.empty()) {
        const std::string bound = request_.charge_scope_now();
        const payment::ChargeFacts facts{*books.keys, request_.realm(), bound, Msat(0), books.system_now};
        payment::ChargeVerdict verdict = payment::verify_charge(*credential_.credential, facts);
        if (verdict.refusal != payment::ChargeRefusal::wrong_scope) return verdict;
    }
    // Sold by the rules, which a service with a pricer may have done before it had one.
    const std::string scope = request_.charge_scope();
    const payment::ChargeFacts facts{*books.keys, request_.realm(), scope, request_.quote.local_price,
                                     books.system_now};
    return payment::verify_charge(*credential_.credential, facts);
}

Step ByCharge::begin(const Books& books) {
    if (auto refused = refuse_payment(request_, credential_)) return std::move(*refused);
    if (!books.keys)
        return {
            Say{unavailable("The node has not answered yet, so that no charge can be checked. Nothing is lost: "
                            "repeat the request later.")}};
    const payment::ChargeVerdict verdict = verify(books);
    const auto now = books.system_now;
    const bool in_time =
        verdict.proof && was_paid_in_time(books.known, verdict.proof->payment_hash, verdict.proof->expires);
    const bool late = verdict.proof && now >= verdict.proof->expires + paywall::replay_time && !in_time;
    if (verdict.refusal && (!verdict.proof || late)) return refuse(paywall::refusal_of(*verdict.refusal));
    proof_ = verdict.proof;
    // Its preimage is the proof: nobody else is to be given this invoice, though its settlement was not heard of yet.
    books.known.paid(proof_->payment_hash);
    pass_.payer = proof_->payment_hash;
    if (books.known.facts(proof_->payment_hash).revoked) return refuse(paywall::charge_revoked);
    // Before the charge is used up, so that nobody pays for being told to wait.
    if (auto limited = limit_use(request_, pass_, books.use_limits, books.tick)) return {Say{std::move(*limited)}};
    if (request_.admits_nothing()) return denied_before();
    const http::RequestHead& head = *request_.head;
    used_at_ = std::chrono::floor<std::chrono::seconds>(now);
    return {
        UseCharge{{proof_->payment_hash, proof_->challenge_id, request_.service().name.text(),
                   paywall::request_digest(head.method, request_.host, request_.target->forward,
                                           request_.deciding->told_in(head)),
                   relay::is_repeatable(head) && request_.body_told && !request_.other_method && head.upgrade.empty(),
                   used_at_, proof_->expires, in_time}}};
}

// Where nothing is let in nothing is recorded either: that the charge is used up was found out when it was denied.
Step ByCharge::denied_before() const {
    constexpr ChargeAdmission refusals[] = {ChargeAdmission::expired, ChargeAdmission::other_request,
                                            ChargeAdmission::not_repeatable, ChargeAdmission::worn_out,
                                            ChargeAdmission::token_used};
    const std::string_view denied = request_.front_question ? request_.front_question->denied : std::string_view();
    for (ChargeAdmission refusal : refusals) {
        const paywall::Refusal& why = paywall::refusal_of(refusal);
        if (denied == why.reason) return refuse(why);
    }
    return {LetIn{}};
}

Step ByCharge::go_on(const Books& books, Answer answer) {
    const auto& admission = std::get<Result<ChargeAdmission>>(answer);
    if (!admission)
        return {Say{
            unavailable("The use of the charge could not be recorded. Nothing is lost: repeat the request later.")}};
    if (!paywall::lets_through(*admission)) return refuse(paywall::refusal_of(*admission));
    if (!request_.front_question) pass_.charge = proof_->payment_hash;
    lasts_as_a_token(request_, pass_, request_.quote.offer_tier, books.now);
    pass_.tell_upstream(payment_lines(request_, proof_->payment_hash));
    const auto settled_at = books.known.facts(proof_->payment_hash).settled_at;
    pass_.receipt = payment::receipt_value({proof_->challenge_id, proof_->payment_hash, settled_at.value_or(used_at_)});
    return {LetIn{}, AuthResult::ok};
}

}  // namespace millrace::admit
