// The 402: what is for sale, its invoice, and why there is none.
#include "common/codec/base64.hpp"
#include "common/l402/challenge.hpp"
#include "common/payment/charge.hpp"
#include "service/admit/allowance.hpp"
#include "service/config/description.hpp"
#include "service/front/session.hpp"
#include "service/http/await_callback.hpp"
#include "service/pages/pay_cookie.hpp"
#include "service/paywall/tiers.hpp"

namespace millrace::front {

using paywall::Reason;

// What the invoice says it buys.
std::string Session::description(Msat due) const {
    const config::Route* route = request_->route_sold();
    std::string_view method =
        request_->quoted_method.empty() ? exchange_->request.head().method : request_->quoted_method;
    if (method == "HEAD") method = "GET";  // HEAD brings the same invoice
    config::DescriptionFacts facts{service().name.text(), route ? std::string_view(route->name) : std::string_view(),
                                   method, exchange_->target.path, due};
    return config::describe(service().description.value_or(std::string()), facts);
}

// The plugin issues tokens for a service and an amount; what is sold here is said in front of the token's services.
// False where that takes a key that has not come yet.
bool Session::mint_for_sale(gateway::IssuedChallenge& issued) {
    auto bytes = codec::from_base64(issued.token_base64);
    auto token = bytes ? macaroon::decode(*bytes) : bytes.error();
    auto identifier = token ? l402::Identifier::decode(token->identifier) : token.error();
    if (!identifier) return false;
    (void)worker_.refresh();  // the key may have come with the challenge
    const l402::KeyRing* keys = worker_.keys();
    const SecretKey* key = keys ? keys->find(identifier->epoch()) : nullptr;
    if (!key) return false;
    const l402::Sale sale = paywall::sale_of(service(), request_->match, request_->asked(), request_->quote.offer_tier);
    issued.token_base64 =
        codec::to_base64(macaroon::encode_v2(l402::mint(*key, *identifier, service().seller(), sale)));
    return true;
}

// What a token is good for beside its price: challenges of different kinds are different things.
std::string Session::kind_sold() const {
    const config::Route* route = request_->route_sold();
    std::string out = route && route->own_tokens ? route->name : std::string();
    if (!service().tiers.empty()) out += '+' + std::to_string(request_->quote.offer_tier);
    if (!request_->quote.thing.empty()) out += '~' + request_->quote.thing;
    return out;
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
    const std::string scope = request_->charge_scope_now();
    const payment::ChargeTerms terms{request_->realm(),   scope,    issued.amount,    text, issued.bolt11,
                                     issued.payment_hash, *network, issued.expires_at};
    lines.push_back(payment::challenge_line(payment::charge_challenge(*keys, terms)));
    return lines;
}

http::Problem Session::not_for_sale(Reason reason) const {
    http::Problem problem{401, "A token is needed here, and none is sold here.", paywall::name(reason)};
    problem.challenges.push_back("L402 realm=\"" + service().seller().text() + '"');
    return problem;
}

// `worked`: for an invoice beyond the limits.
http::Awaitable<http::Problem> Session::demand_payment(paywall::Reason reason, bool worked) {
    // The answer is nginx's, which asks once more for the one that its client gets.
    if (request_->denies_silently())
        co_return http::Problem{402, std::string(paywall::explain(reason)), paywall::name(reason),
                                request_->quote.price};
    gateway::ChallengeDesk& desk = worker_.shared().desk;
    if (auto closed = desk.closed()) co_return not_issued(*closed, worked);
    std::optional<http::Problem> unpriced = co_await price_in(request_->quote.offer_tier);
    if (unpriced) co_return std::move(*unpriced);
    // HEAD asks what GET would be answered, but for the free allowance, which it is only told of.
    if (exchange_->request.head().verb == http::Verb::head) admit::tell_free_left(*request_, *request_, books());
    if (auto page = page_again(reason)) co_return std::move(*page);
    const Offered offers = offered();
    if (!offers.token && !offers.charge) co_return co_await demand_deposit(reason, worked);
    Msat due = std::max(request_->amount_due(), Msat(1));  // a pricer that gives things away has changed its mind
    std::optional<std::string> text;
    if (service().description) text = description(due);
    gateway::ChallengeDesk::Demand demand{limits::prefix_of(request_->client),
                                          {due, service().seller(), std::move(text), std::nullopt},
                                          kind_sold(),
                                          !shows_page(),
                                          worked,
                                          own_connection()};
    auto start = [&desk, &demand](auto done) { desk.ask(std::move(demand), std::move(done)); };
    gateway::ChallengeDesk::Outcome outcome =
        co_await http::await_callback<gateway::ChallengeDesk::Outcome>(worker_.context().get_executor(), start);
    if (!outcome.challenge) co_return not_issued(outcome, worked);
    request_->counts->challenge(outcome.reused ? metrics::ChallengeResult::reused : metrics::ChallengeResult::issued);
    gateway::IssuedChallenge issued = *outcome.challenge;
    if (!mint_for_sale(issued))
        co_return admit::unavailable(
            "This service does not know the node's keys yet. Nothing was charged: repeat the request later.");
    http::Problem problem{402, std::string(paywall::explain(reason)), paywall::name(reason), due};
    problem.challenges = challenge_lines(issued, offers);
    if (offers.token) problem.offer = http::TokenOffer{issued.token_base64, issued.bolt11, issued.amount};
    if (offers.session) {
        // Where there is none, the client can still buy what else is on offer.
        Deposit deposit = co_await ask_deposit(worked);
        if (auto closed = desk.closed()) co_return not_issued(*closed, worked);
        if (!deposit.line.empty()) problem.challenges.push_back(std::move(deposit.line));
    }
    if (problem.challenges.empty())
        co_return http::Problem{503, "The Payment scheme sells nothing on the network of this node."};
    // A page's challenge belongs to one browser: whoever holds its cookie is let in once it is paid. It must be one
    // that nobody else was or will be given.
    if (shows_page()) {
        auto token = codec::from_base64(issued.token_base64);
        if (token) add_page(problem, {std::move(*token), due, issued.expires_at, issued.bolt11}, reason);
    }
    for (std::string& field : price_fields()) problem.fields.push_back(std::move(field));
    co_return problem;
}

// A front proxy's connection is nobody's own, and who comes over a unix socket is one.
gateway::ChallengeDesk::Connection Session::own_connection() {
    const bool proxy = request_->front_question || !limits::parse_address(peer_) ||
                       limits::any_has(request_->site->config.clients.trusted_proxies, peer_address_);
    if (proxy) return 0;
    if (number_ == 0) number_ = worker_.shared().desk.next_connection();
    return number_;
}

http::Problem Session::not_issued(const gateway::ChallengeDesk::Outcome& outcome, bool worked) {
    unsigned retry_after = static_cast<unsigned>(outcome.retry_after.count());
    const Error error = outcome.error.value_or(fail(gateway::ClientErrc::unavailable));
    if (is(error, gateway::ClientErrc::limited)) {
        http::Problem problem{429, "Too many unpaid invoices. Pay one of them, or repeat the request later."};
        problem.retry_after = retry_after;
        if (!worked) add_task(problem);
        const bool task = !problem.challenges.empty();
        request_->counts->challenge(task ? metrics::ChallengeResult::work : metrics::ChallengeResult::limited);
        return problem;
    }
    if (is(error, gateway::ClientErrc::rate_limited)) {
        request_->counts->challenge(metrics::ChallengeResult::rate_limited);
        http::Problem problem{429, "The node issues no more invoices now. Repeat the request later."};
        problem.retry_after = 1;
        return problem;
    }
    request_->counts->challenge(metrics::ChallengeResult::invoice_error);
    if (is(error, gateway::ClientErrc::unrecordable))
        return admit::unavailable(
            "This service sells nothing now, because a payment could not be recorded. Repeat the request later.");
    if (is(error, gateway::ClientErrc::unpayable)) {
        http::Problem problem{503, "The Lightning node is off line, so nobody could pay. Repeat the request later."};
        problem.retry_after = 30;
        return problem;
    }
    return admit::unavailable(
        "The Lightning node cannot be reached, so nobody could pay. Nothing was charged: repeat the request later.");
}

}  // namespace millrace::front
