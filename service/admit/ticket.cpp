#include "service/admit/ticket.hpp"

#include "service/admit/price.hpp"
#include "service/admit/token.hpp"
#include "service/paywall/token_claim.hpp"

namespace millrace::admit {

std::string offer_name(const RequestFacts& request) {
    const config::Service& service = request.service();
    const config::Route* route = request.route_sold();
    // Where more than rules prices it, the thing is what a page was made for: its price may have moved since.
    if (!request.quote.thing.empty()) return pages::offer_name(service.name.text(), request.quote.thing, Msat(0));
    std::string kind = route && route->own_tokens ? route->name : std::string();
    if (!service.tiers.empty()) kind += '+' + std::to_string(request.quote.offer_tier);
    return pages::offer_name(service.name.text(), kind, request.quote.price);
}

bool has_cookies(const RequestFacts& request) {
    return !pages::find_service_cookies(*request.head, request.service().name.text()).empty();
}

std::optional<HeldTicket> find_ticket(RequestFacts& request, const Books& books) {
    const http::RequestHead& head = *request.head;
    const bool safe = (head.verb == http::Verb::get || head.verb == http::Verb::head) && head.upgrade.empty();
    if (!safe || !request.service().pay_page) return std::nullopt;
    std::optional<HeldTicket> refused;
    for (const pages::PayCookie& cookie : pages::find_service_cookies(head, request.service().name.text())) {
        std::optional<pages::SealedTicket> ticket = pages::parse_pay_cookie(cookie.value);
        if (!ticket) continue;
        HeldTicket held{std::string(cookie.offer), std::move(*ticket)};
        if (!books.keys) return held;  // the decision will be that nothing can be decided
        const l402::Credential& token = held.sealed.credential;
        if (!books.known.facts(token.identifier.payment_hash).settled_at) continue;
        if (!pages::is_genuine(held.sealed, *books.keys)) continue;
        const paywall::TokenClaim said(token.macaroon, request.service());
        if (!about_tier(request, said.claim.tier())) continue;
        const paywall::FoundCredential credential{std::optional(token)};
        const paywall::Decision decision = decide(request, books, credential, paywall::Proof::settlement);
        if (std::holds_alternative<paywall::Admit>(decision)) return held;
        if (!refused) refused = std::move(held);
    }
    return refused;
}

}  // namespace millrace::admit
