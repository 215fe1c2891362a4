// The Payment scheme: what a 402 offers besides L402, and the admission of charges.
#include "common/l402/challenge.hpp"
#include "common/payment/charge.hpp"
#include "common/payment/receipt.hpp"
#include "service/front/session.hpp"
#include "service/http/await_callback.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::front {
namespace {

using payment::ChargeRefusal;

metrics::AuthResult auth_result(ChargeRefusal refusal) {
    switch (refusal) {
        case ChargeRefusal::malformed_credential:
        case ChargeRefusal::unsupported_method:
        case ChargeRefusal::unsupported_intent:
            return metrics::AuthResult::malformed;
        case ChargeRefusal::unknown_challenge:
            return metrics::AuthResult::bad_signature;
        case ChargeRefusal::wrong_realm:
        case ChargeRefusal::wrong_scope:
            return metrics::AuthResult::wrong_scope;
        case ChargeRefusal::too_cheap:
            return metrics::AuthResult::underpaid;
        case ChargeRefusal::bad_preimage:
            return metrics::AuthResult::bad_preimage;
        case ChargeRefusal::expired:
            return metrics::AuthResult::expired;
    }
    return metrics::AuthResult::malformed;
}

bool is_authorization(std::string_view name) {
    return relay::same_field_name(name, "Authorization");
}

// Of the credential fields of a request.
struct Presented {
    std::string_view payment;  // the value of the Payment credential
    bool conflicting = false;  // two different ones, or one of L402 as well
};

Presented presented(const std::vector<l402::HeaderField>& fields) {
    Presented out;
    bool l402 = false;
    for (const auto& [name, value] : fields) {
        if (!is_authorization(name)) continue;
        if (payment::is_payment_authorization(value)) {
            if (!out.payment.empty() && out.payment != value) out.conflicting = true;
            out.payment = value;
        }
        l402 = l402 || relay::is_l402_authorization(value);
    }
    const Result<std::optional<l402::Credential>> in_other_fields = l402::find_credential(fields);
    l402 = l402 || (in_other_fields && in_other_fields->has_value());
    out.conflicting = out.conflicting || (l402 && !out.payment.empty());
    return out;
}

http::Problem not_recorded() {
    http::Problem problem{503,
                          "The use of the charge could not be recorded. Nothing is lost: repeat the request later."};
    problem.retry_after = 5;
    return problem;
}

}  // namespace

bool Session::offers_payment_credential() const {
    for (const auto& [name, value] : exchange_->credential_fields) {
        if (is_authorization(name) && payment::is_payment_authorization(value)) return true;
    }
    return false;
}

// The protection space of a challenge: the host name asked for.
std::string_view Session::realm() const {
    return exchange_->host.empty() ? std::string_view(service().name.text()) : std::string_view(exchange_->host);
}

// What is sold here opens what is called so, or the route alone where that has tokens of its own.
std::string Session::scope_of(const ServiceName& name) const {
    const config::Route* route = route_sold();
    std::string scope = name.text();
    if (route && route->own_tokens) scope.append("/").append(route->name);
    return scope;
}

// What a charge opens.
std::string Session::charge_scope() const {
    return scope_of(service().name);
}

// Where more than rules prices it, a charge buys this very thing, whatever it costs by the time it is paid.
std::string Session::charge_scope_now() const {
    return request_->quote.thing.empty() ? charge_scope() : charge_scope() + '~' + request_->quote.thing;
}

// What the 402 offers: the schemes that are accepted, for one invoice. L402 comes first, since some clients read the
// first line alone, and others take a Payment line for the end of the list.
std::vector<std::string> Session::challenge_lines(const gateway::IssuedChallenge& issued, const Offered& offers) {
    std::vector<std::string> lines;
    if (offers.token) lines = l402::challenge_lines(issued.token_base64, issued.bolt11, service().schemes.lsat);
    const std::optional<payment::Network> network = worker_.shared().desk.network();
    const l402::KeyRing* keys = worker_.keys();
    if (!offers.charge || !network || !keys) return lines;
    const std::string text = service().description ? description(issued.amount) : std::string();
    const std::string scope = charge_scope_now();
    const payment::ChargeTerms terms{
        realm(), scope, issued.amount, text, issued.bolt11, issued.payment_hash, *network, issued.expires_at};
    lines.push_back(payment::challenge_line(payment::charge_challenge(*keys, terms)));
    return lines;
}

// A service that L402 does not open: with or without such a credential, it is sold by the Payment scheme.
http::Awaitable<http::Problem> Session::demand_other_scheme() {
    const Result<std::optional<l402::Credential>> found = l402::find_credential(exchange_->credential_fields);
    bool l402_sent = found && found->has_value();
    if (request_->match.access == paywall::Access::auth_only) co_return not_for_sale(paywall::Reason::no_credential);
    http::Problem problem = co_await demand_payment(paywall::Reason::no_credential);
    if (problem.status != 402) co_return problem;
    if (l402_sent) {
        problem.reason = "scheme_not_accepted";
        problem.detail = "This resource is not sold for L402 tokens. Pay the invoice and send a Payment credential.";
    } else {
        problem.detail = "This resource is sold. Pay the invoice and repeat the request with a Payment credential.";
    }
    co_return problem;
}

payment::ChargeVerdict Session::verify_charge(const payment::Credential& credential, const l402::KeyRing& keys,
                                              paywall::Time now) {
    (void)about_tier(request_->quote.offer_tier);
    if (!request_->quote.thing.empty()) {
        const std::string bound = charge_scope_now();
        const payment::ChargeFacts facts{keys, realm(), bound, Msat(0), now};
        payment::ChargeVerdict verdict = payment::verify_charge(credential, facts);
        if (verdict.refusal != ChargeRefusal::wrong_scope) return verdict;
    }
    // Sold by the rules, which a service with a pricer may have done before it had one.
    const std::string scope = charge_scope();
    const payment::ChargeFacts facts{keys, realm(), scope, request_->quote.local_price, now};
    return payment::verify_charge(credential, facts);
}

// As far as the node has told. What was paid in time counts however late its owner comes.
bool Session::was_paid_in_time(const PaymentHash& hash, std::chrono::sys_seconds expires) const {
    const auto settled_at = worker_.shared().store.facts(hash).settled_at;
    return settled_at && *settled_at <= expires + paywall::settle_time;
}

// A charge buys one request: what is let through is on disk before the request goes on.
http::Awaitable<std::optional<http::Problem>> Session::admit_charge() {
    const Exchange& x = *exchange_;
    const Presented sent = presented(x.credential_fields);
    if (sent.conflicting) {
        count_credential(metrics::AuthResult::malformed);
        co_return http::Problem{400, "The request carries two different credentials; send one."};
    }
    // Where nothing is sold, only a token opens.
    if (request_->match.access == paywall::Access::auth_only) co_return not_for_sale(paywall::Reason::no_credential);
    if (!service().schemes.payment) {
        std::string detail = "This resource is not sold by the Payment scheme. Buy it as it is offered.";
        co_return co_await refuse_charge(payment::Problem::payment_required, "scheme_not_accepted", std::move(detail));
    }
    const Result<payment::Credential> credential = payment::parse_credential(sent.payment);
    if (!credential) {
        count_credential(metrics::AuthResult::malformed);
        std::string detail = credential.error().message;
        co_return co_await refuse_charge(payment::Problem::malformed_credential, "malformed", std::move(detail));
    }
    if (service().sessions && !request_->front_question && credential->challenge.intent == payment::session)
        co_return co_await admit_prepaid(*credential);
    const l402::KeyRing* keys = worker_.keys();
    if (!keys) {
        http::Problem problem{
            503,
            "The node has not answered yet, so that no charge can be checked. Nothing is lost: repeat "
            "the request later."};
        problem.retry_after = 5;
        co_return problem;
    }
    const auto now = std::chrono::system_clock::now();
    const auto began = Clock::now();
    const payment::ChargeVerdict verdict = verify_charge(*credential, *keys, now);
    const std::chrono::duration<double> took = Clock::now() - began;
    worker_.counts().verify.observe(took.count(), metrics::verify_bounds);
    const bool paid_in_time = verdict.proof && was_paid_in_time(verdict.proof->payment_hash, verdict.proof->expires);
    const bool late = verdict.proof && now >= verdict.proof->expires + paywall::replay_time && !paid_in_time;
    if (verdict.refusal && (!verdict.proof || late)) {
        count_credential(auth_result(*verdict.refusal));
        std::string detail(payment::explain(*verdict.refusal));
        co_return co_await refuse_charge(payment::problem_of(*verdict.refusal), payment::name(*verdict.refusal),
                                         std::move(detail));
    }

    const payment::ChargeProof& proof = *verdict.proof;
    // Its preimage is the proof: nobody else is to be given this invoice, though its settlement was not heard of yet.
    worker_.shared().desk.paid(proof.payment_hash);
    // Before the charge is used up, so that nobody pays for being told to wait.
    request_->payer = proof.payment_hash;
    if (worker_.shared().store.facts(proof.payment_hash).revoked) {
        count_credential(metrics::AuthResult::revoked);
        std::string detail(paywall::explain(paywall::Reason::revoked));
        co_return co_await refuse_charge(payment::Problem::invalid_challenge, paywall::name(paywall::Reason::revoked),
                                         std::move(detail));
    }
    if (auto problem = limit_use()) co_return problem;
    if (admits_nothing()) co_return co_await charge_denied();
    const http::RequestHead& head = x.request.head();
    store::Store& store = worker_.shared().store;
    paywall::ChargeUse use{
        proof.payment_hash,
        proof.challenge_id,
        service().name.text(),
        paywall::request_digest(head.method, x.host, x.target.forward,
                                request_->site->deciding[request_->match.service].told_in(head)),
        relay::is_repeatable(head) && request_->body_told && !request_->other_method && head.upgrade.empty(),
        std::chrono::floor<std::chrono::seconds>(now),
        proof.expires,
        paid_in_time};
    auto start = [&store, &use](auto done) { store.use_charge(use, std::move(done)); };
    Result<paywall::ChargeAdmission> admission =
        co_await http::await_callback<Result<paywall::ChargeAdmission>>(worker_.context().get_executor(), start);
    if (!admission) co_return not_recorded();
    if (!paywall::lets_through(*admission)) co_return co_await refuse_used(*admission);
    if (!request_->front_question) request_->charge = proof.payment_hash;
    lasts_as_a_token(request_->quote.offer_tier);
    count_credential(metrics::AuthResult::ok);
    exchange_->token_headers = relay::charge_header_lines(proof.payment_hash, service().name.text());
    if (const config::Tier* tier = service().tier(request_->quote.offer_tier))
        exchange_->token_headers += relay::tier_header_lines(tier->name, tier->capabilities);
    request_->token_headers = exchange_->token_headers;
    const auto settled_at = store.facts(proof.payment_hash).settled_at;
    request_->receipt = payment::receipt_value({proof.challenge_id, proof.payment_hash, settled_at.value_or(use.at)});
    co_return std::nullopt;
}

// Where nothing is admitted nothing is recorded either: that the charge is used up was found out when it was denied.
http::Awaitable<std::optional<http::Problem>> Session::charge_denied() {
    using paywall::ChargeAdmission;
    constexpr ChargeAdmission refusals[] = {ChargeAdmission::expired, ChargeAdmission::other_request,
                                            ChargeAdmission::not_repeatable, ChargeAdmission::worn_out,
                                            ChargeAdmission::token_used};
    std::string_view denied = request_->front_question ? request_->front_question->denied : std::string_view();
    for (ChargeAdmission refusal : refusals) {
        if (denied == paywall::name(refusal)) co_return co_await refuse_used(refusal);
    }
    co_return std::nullopt;
}

http::Awaitable<http::Problem> Session::refuse_used(paywall::ChargeAdmission admission) {
    const bool expired = admission == paywall::ChargeAdmission::expired;
    count_credential(expired ? metrics::AuthResult::expired : metrics::AuthResult::spent);
    std::string detail(paywall::explain(admission));
    payment::Problem kind = expired ? payment::Problem::payment_expired : payment::Problem::invalid_challenge;
    http::Problem problem = co_await refuse_charge(kind, paywall::name(admission), std::move(detail));
    co_return problem;
}

// A 402 comes with a fresh challenge.
http::Awaitable<http::Problem> Session::refuse_charge(payment::Problem kind, std::string_view reason,
                                                      std::string detail) {
    const payment::ProblemText& text = payment::text(kind);
    http::Problem problem{text.status, {}};
    if (text.status == 402) problem = co_await demand_payment(paywall::Reason::no_credential);
    if (problem.status != text.status) co_return problem;
    problem.type = text.type;
    problem.title = text.title;
    problem.reason = reason;
    problem.detail = std::move(detail);
    co_return problem;
}

}  // namespace millrace::front
