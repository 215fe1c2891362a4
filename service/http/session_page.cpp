#include "service/http/header_rules.hpp"
#include "service/http/session.hpp"

#include "common/codec/base64.hpp"
#include "service/pages/accept.hpp"
#include "service/pages/pay_page.hpp"
#include "service/pages/wait_page.hpp"

namespace millrace::http {
namespace {

// A cookie outlives its invoice by the time that the payment buys; where that has no end, by what browsers keep at
// most.
constexpr std::chrono::seconds longest_cookie = std::chrono::hours(24 * 400);

std::chrono::sys_seconds whole_seconds(paywall::Time time) {
    return std::chrono::floor<std::chrono::seconds>(time);
}

}  // namespace

// What the browser would buy with this request.
std::string Session::offer_name() const {
    const config::Route* route = route_sold();
    // Where more than rules prices it, the thing is what a page was made for: its price may have moved since.
    if (!thing_.empty()) return pages::offer_name(service().name.text(), thing_, Msat(0));
    std::string kind = route && route->own_tokens ? route->name : std::string();
    if (!service().tiers.empty()) kind += '+' + std::to_string(offer_tier_);
    return pages::offer_name(service().name.text(), kind, price_);
}

// Only what changes nothing is admitted by cookie: GET and HEAD, and no change of protocol. Of several tickets the
// first that opens this request counts; where none does, the first that was paid says why.
std::optional<pages::SealedTicket> Session::find_ticket() {
    const RequestHead& head = exchange_->request.head();
    bool safe = (head.verb == Verb::get || head.verb == Verb::head) && head.upgrade.empty();
    if (!safe || !service().pay_page) return std::nullopt;
    std::optional<pages::SealedTicket> refused;
    for (std::string_view value : pages::find_service_cookies(head, service().name.text())) {
        std::optional<pages::SealedTicket> ticket = pages::parse_pay_cookie(value);
        if (!ticket) continue;
        const l402::KeyRing* keys = worker_.keys();
        if (!keys) return ticket;  // the decision will be that nothing can be decided
        if (!pages::is_genuine(*ticket, *keys)) continue;
        const l402::Claim claim = l402::claim_of(ticket->credential.macaroon, service().seller().text());
        if (!about_tier(claim.tier)) continue;
        if (!worker_.shared().store.facts(ticket->credential.identifier.payment_hash).settled_at) continue;
        auto credential = paywall::FoundCredential(std::optional(ticket->credential));
        paywall::Decision decision = decide(credential, paywall::Proof::settlement);
        if (std::holds_alternative<paywall::Admit>(decision)) return ticket;
        if (!refused) refused = std::move(ticket);
    }
    return refused;
}

bool Session::shows_page() const {
    // A page sells what its cookie then opens, as a token does: not a charge, which buys one request.
    return service().pay_page && service().schemes.l402 && pages::wants_page(exchange_->request.head());
}

std::optional<Problem> Session::page_again(paywall::Reason reason) {
    if (!shows_page() || !worker_.keys()) return std::nullopt;
    std::optional<pages::SealedTicket> shown;
    for (std::string_view value : pages::find_offer_cookies(exchange_->request.head(), offer_name())) {
        shown = pages::parse_pay_cookie(value);
        if (shown && pages::is_genuine(*shown, *worker_.keys())) break;
        shown.reset();
    }
    Msat due = thing_.empty() || !shown ? amount_due() : shown->ticket.price;
    if (!shown || shown->ticket.price != due) return std::nullopt;
    auto now = std::chrono::system_clock::now();
    if (now >= shown->ticket.expires_at + pages::expiry_grace) return std::nullopt;
    // Another key may have been retired, and what was paid is not to be paid again.
    if (l402::verify_settled(shown->credential, *worker_.keys(), service().seller().text(), now)) return std::nullopt;
    paywall::PaymentFacts facts = worker_.shared().store.facts(shown->credential.identifier.payment_hash);
    if (facts.settled_at || facts.revoked) return std::nullopt;
    Problem problem{402, std::string(paywall::explain(reason)), paywall::name(reason), due};
    const pages::PayTicket& ticket = shown->ticket;
    PaymentHash hash = shown->credential.identifier.payment_hash;
    problem.challenges = challenge_lines(
        {hash, ticket.bolt11, ticket.price, ticket.expires_at, codec::to_base64(ticket.token), {}}, offered());
    add_page(problem, std::move(shown->ticket), reason);
    return problem;
}

void Session::add_page(Problem& problem, pages::PayTicket ticket, paywall::Reason reason) {
    const l402::KeyRing* keys = worker_.keys();
    std::string sealed = keys ? pages::seal(ticket, *keys) : std::string();
    if (sealed.empty()) return;  // the problem document does without a cookie
    const config::Service& sold = service();
    std::string offer = offer_name();
    std::string name = std::string(pages::pay_cookie_prefix) + offer;
    std::chrono::sys_seconds now = whole_seconds(std::chrono::system_clock::now());
    auto lifetime = std::chrono::ceil<std::chrono::seconds>(ticket.expires_at - now) + pages::expiry_grace +
                    sold.timeout_of(offer_tier_).value_or(longest_cookie);
    pages::CookieScope scope{sold.path.root(), std::min(lifetime, longest_cookie), came_by_https()};
    problem.fields = pages::page_fields();
    problem.fields.push_back("Set-Cookie: " + pages::set_cookie(name, sealed, scope));
    if (sold.path.root() != "/") {
        // Once more where the page listens, which is not below the service's path.
        scope.path = pages::own_path;
        problem.fields.push_back("Set-Cookie: " + pages::set_cookie(name, sealed, scope));
    }
    std::string events = std::string(pages::events_path) + "?offer=" + offer;
    std::string notice;
    if (reason != paywall::Reason::no_credential) {
        notice = paywall::explain(reason);
        if (notice.front() >= 'a' && notice.front() <= 'z') notice.front() = static_cast<char>(notice.front() - 32);
        if (notice.back() != '.') notice += '.';
    }
    std::string text = description(ticket.price);
    std::optional<std::string_view> description;
    if (sold.description) description = text;
    pages::PayPage page{
        sold.name.text(),  description, ticket.price, sold.timeout_of(offer_tier_), notice, ticket.bolt11,
        ticket.expires_at, now,         events};
    problem.page = pages::write_pay_page(page);
}

// What stands in the way of a person's request for a while.
void Session::add_wait_page(Problem& problem) const {
    const RequestHead& head = exchange_->request.head();
    if (close_gently_ || own_ || !service().pay_page || !pages::wants_page(head)) return;
    const bool crowded = problem.status == 429;
    const unsigned wait = problem.retry_after > 0 ? problem.retry_after : 10;
    constexpr std::string_view busy =
        "More is asked of this service than it can answer at the moment. Nothing was charged.";
    constexpr std::string_view away = "Something behind this service does not answer. Nothing was charged.";
    pages::WaitPage page{service().name.text(), crowded ? "One moment, please" : "Not available right now",
                         crowded ? busy : away, std::chrono::seconds(wait)};
    problem.page = pages::write_wait_page(page);
    const std::vector<std::string>& fields = pages::page_fields();
    problem.fields.insert(problem.fields.end(), fields.begin(), fields.end());
}

}  // namespace millrace::http
