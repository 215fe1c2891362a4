#include <algorithm>

#include "common/codec/base64.hpp"
#include "service/admit/ticket.hpp"
#include "service/front/session.hpp"
#include "service/pages/accept.hpp"
#include "service/pages/pay_page.hpp"
#include "service/pages/wait_page.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::front {
namespace {

// What was bought without an end is kept for as long as browsers keep a cookie at most.
constexpr std::chrono::seconds longest_cookie = std::chrono::hours(24 * 400);

std::chrono::sys_seconds whole_seconds(paywall::Time time) {
    return std::chrono::floor<std::chrono::seconds>(time);
}

}  // namespace

// What was an offer is bought now: the browser keeps its ticket for as long as that opens something, in the page's
// folder and, where it opens more than one thing, in the service's path as well. Behind a front that cuts off a prefix
// without saying so the first one alone is of use. A front proxy that asks hands no cookie on with a request that
// passes: there it is kept so from the beginning.
void Session::keep_cookie(admit::HeldTicket held) {
    pages::PayTicket& ticket = held.sealed.ticket;
    const l402::KeyRing* keys = worker_.keys();
    if (ticket.bolt11.empty() || request_->front_question || !keys) return;
    ticket.bolt11.clear();
    const std::string sealed = pages::seal(ticket, *keys);
    if (sealed.empty()) return;
    std::chrono::seconds left = longest_cookie;
    if (request_->until) left = std::chrono::ceil<std::chrono::seconds>(*request_->until - worker_.now());
    pages::CookieScope scope{std::clamp(left, std::chrono::seconds(1), longest_cookie), came_by_https()};
    const std::string name = std::string(pages::pay_cookie_prefix) + held.offer;
    request_->own_lines.append("Set-Cookie: ").append(pages::set_cookie(name, sealed, scope)).append("\r\n");
    if (!request_->quote.thing.empty()) return;
    const std::string path = std::string(forwarded().prefix).append(service().path.root());
    scope.path = path;
    request_->own_lines.append("Set-Cookie: ").append(pages::set_cookie(name, sealed, scope)).append("\r\n");
}

bool Session::shows_page() const {
    // A page sells what its cookie then opens, as a token does: not a charge, which buys one request.
    return service().pay_page && service().schemes.l402 && pages::wants_page(exchange_->request.head());
}

std::optional<http::Problem> Session::page_again(paywall::Reason reason) {
    if (!shows_page() || !worker_.keys()) return std::nullopt;
    auto now = std::chrono::system_clock::now();
    std::optional<pages::SealedTicket> shown;
    for (const pages::PayCookie& cookie :
         pages::find_offer_cookies(exchange_->request.head(), admit::offer_name(*request_))) {
        shown = pages::parse_pay_cookie(cookie.value);
        const bool payable =
            shown && !shown->ticket.bolt11.empty() && now < shown->ticket.expires_at + pages::expiry_grace;
        if (payable && pages::is_genuine(*shown, *worker_.keys())) break;
        shown.reset();
    }
    Msat due = request_->quote.thing.empty() || !shown ? request_->amount_due() : shown->ticket.price;
    if (!shown || shown->ticket.price != due) return std::nullopt;
    // Another key may have been retired, and what was paid is not to be paid again.
    const std::string& seller = service().seller().text();
    if (l402::verify(shown->credential, *worker_.keys(), seller, now, l402::Proof::settlement)) return std::nullopt;
    paywall::PaymentFacts facts = worker_.shared().store.facts(shown->credential.identifier.payment_hash);
    // Paid while this request was being judged: the same page, whose next look opens it. Another invoice's cookie would
    // take the place of this one's.
    const bool just_paid = facts.settled_at && reason == paywall::Reason::no_credential;
    if ((facts.settled_at && !just_paid) || facts.revoked) return std::nullopt;
    http::Problem problem{402, std::string(paywall::explain(reason)), paywall::name(reason), due};
    const pages::PayTicket& ticket = shown->ticket;
    PaymentHash hash = shown->credential.identifier.payment_hash;
    problem.challenges = challenge_lines(
        {hash, ticket.bolt11, ticket.price, ticket.expires_at, codec::to_base64(ticket.token), {}}, offered());
    add_page(problem, std::move(shown->ticket), reason);
    for (std::string& field : price_fields()) problem.fields.push_back(std::move(field));
    return problem;
}

void Session::add_page(http::Problem& problem, pages::PayTicket ticket, paywall::Reason reason) {
    const l402::KeyRing* keys = worker_.keys();
    std::string sealed = keys ? pages::seal(ticket, *keys) : std::string();
    if (sealed.empty()) return;  // the problem document does without a cookie
    const config::Service& sold = service();
    problem.fields = pages::page_fields();
    set_page_cookie(problem, ticket, sealed);
    std::chrono::sys_seconds now = whole_seconds(std::chrono::system_clock::now());
    std::string events = std::string(pages::events_path.substr(1)) + "?offer=" + admit::offer_name(*request_);
    std::string notice;
    if (reason != paywall::Reason::no_credential) {
        notice = paywall::explain(reason);
        if (notice.front() >= 'a' && notice.front() <= 'z') notice.front() = static_cast<char>(notice.front() - 32);
        if (notice.back() != '.') notice += '.';
    }
    std::string text = description(ticket.price);
    std::optional<std::string_view> description;
    if (sold.description) description = text;
    pages::PayPage page{sold.name.text(),
                        description,
                        ticket.price,
                        sold.timeout_of(request_->quote.offer_tier),
                        notice,
                        ticket.bolt11,
                        ticket.expires_at,
                        now,
                        events};
    problem.page = pages::write_pay_page(page);
}

// The cookies of pay pages that the browser shows, and what they are good for.
std::vector<pages::HeldCookie> Session::held_cookies() const {
    using State = pages::HeldCookie::State;
    std::vector<pages::HeldCookie> out;
    const l402::KeyRing* keys = worker_.keys();
    const auto now = std::chrono::system_clock::now();
    for (const pages::PayCookie& cookie : pages::find_pay_cookies(exchange_->request.head())) {
        // Those of another millraced at this host are its own.
        std::optional<pages::SealedTicket> ticket = pages::parse_pay_cookie(cookie.value);
        if (!ticket || !keys || !pages::is_genuine(*ticket, *keys)) continue;
        paywall::PaymentFacts facts = worker_.shared().store.facts(ticket->credential.identifier.payment_hash);
        pages::HeldCookie held{std::string(cookie.offer),
                               pages::pay_cookie_prefix.size() + cookie.offer.size() + cookie.value.size(), State::open,
                               ticket->ticket.expires_at};
        if (facts.settled_at && !facts.revoked)
            held.state = State::bought;
        else if (facts.revoked || now >= ticket->ticket.expires_at + pages::expiry_grace)
            held.state = State::over;
        out.push_back(std::move(held));
    }
    return out;
}

void Session::set_page_cookie(http::Problem& problem, const pages::PayTicket& ticket, const std::string& sealed) {
    const config::Service& sold = service();
    const std::string offer = admit::offer_name(*request_);
    const auto now = whole_seconds(std::chrono::system_clock::now());
    auto lifetime = std::chrono::ceil<std::chrono::seconds>(ticket.expires_at - now) + pages::expiry_grace;
    if (request_->front_question) lifetime += sold.timeout_of(request_->quote.offer_tier).value_or(longest_cookie);
    pages::CookieScope scope{std::clamp(lifetime, std::chrono::seconds(1), longest_cookie), came_by_https()};
    const std::string name = std::string(pages::pay_cookie_prefix) + offer;
    problem.fields.push_back("Set-Cookie: " + pages::set_cookie(name, sealed, scope));
    const std::string path = std::string(forwarded().prefix).append(sold.path.root());
    if (request_->front_question && request_->quote.thing.empty()) {
        // Such a proxy tells the address that the browser asked for, and hands no cookie on later.
        scope.path = path;
        problem.fields.push_back("Set-Cookie: " + pages::set_cookie(name, sealed, scope));
    }
    scope.max_age = std::chrono::seconds(0);
    const std::vector<pages::HeldCookie> held = held_cookies();
    for (const std::string& gone : pages::give_way(held, offer, name.size() + sealed.size())) {
        const std::string other = std::string(pages::pay_cookie_prefix) + gone;
        scope.path = {};
        problem.fields.push_back("Set-Cookie: " + pages::set_cookie(other, {}, scope));
        // What was bought is set for the service's path as well, and so was whatever an earlier build offered.
        const bool twice = std::any_of(held.begin(), held.end(), [&](const pages::HeldCookie& one) {
            return one.offer == gone && one.state != pages::HeldCookie::State::open;
        });
        scope.path = path;
        if (twice) problem.fields.push_back("Set-Cookie: " + pages::set_cookie(other, {}, scope));
    }
}

// What stands in the way of a person's request for a while.
void Session::add_wait_page(http::Problem& problem) const {
    const http::RequestHead& head = exchange_->request.head();
    if (request_->close_gently || request_->own || !service().pay_page || !pages::wants_page(head)) return;
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

}  // namespace millrace::front
