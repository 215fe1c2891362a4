// What a request says of itself, as far as that decides who is let in and what it costs. Filled once, while the request
// is routed; the schemes of this room read it and change the quote alone.
//
// The pointers and views are to what the connection holds for as long as the request lasts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "service/admit/quote.hpp"
#include "service/config/config.hpp"
#include "service/forward_auth/question.hpp"
#include "service/http/message.hpp"
#include "service/http/problem.hpp"
#include "service/limits/network.hpp"
#include "service/paywall/admission.hpp"
#include "service/paywall/deciding_fields.hpp"
#include "service/paywall/request_target.hpp"
#include "service/paywall/route.hpp"

namespace millrace::admit {

struct RequestFacts {
    const config::Config* config = nullptr;
    const paywall::DecidingFields* deciding = nullptr;  // of the service
    const http::RequestHead* head = nullptr;            // of the request that is asked about
    const paywall::RequestTarget* target = nullptr;
    std::string_view host;  // as paywall::parse_host leaves it

    limits::Address client;                                // behind proxies that are trusted
    std::optional<forward_auth::Question> front_question;  // that the request is about; empty: it came itself
    bool body_told = true;                                 // false: nobody knows how long the request's body is
    bool found = false;                                    // a service: `match` is of this request
    paywall::RouteMatch match;
    std::string other_methods;       // that are taken here, where this one is not
    std::string path_compared;       // what rules of the service made of the path; empty: nothing
    bool other_method = false;       // a server behind may take it for a request with another method
    bool gift = false;               // of a pricer, to this request: others may have to pay
    bool sold_before_realm = false;  // it comes with a session that was opened before the service joined its realm
    unsigned token_tier = 0;         // of the token that is used; until there is one, that is for sale
    Quote quote;

    [[nodiscard]] const config::Service& service() const { return config->services[match.service]; }
    // Null where no route fits.
    [[nodiscard]] const config::Route* route_sold() const {
        return match.route ? &service().routes[*match.route] : nullptr;
    }
    [[nodiscard]] paywall::Asked asked() const { return {quote.price, quote.priced, quote.thing}; }
    [[nodiscard]] Msat amount_due() const { return service().amount_due(quote.price, quote.tier); }
    [[nodiscard]] const config::Quota& quota_sold() const { return service().quota_of(token_tier); }

    // It was denied by the first step, and this one writes the answer: it counts there.
    [[nodiscard]] bool is_second_step() const {
        return front_question && front_question->dialect == forward_auth::Dialect::nginx_answer;
    }
    // Nobody is asked to pay by an answer that nginx throws away.
    [[nodiscard]] bool denies_silently() const {
        return front_question && front_question->dialect == forward_auth::Dialect::nginx_auth;
    }
    // True where a request may be refused here, with all that belongs to it, and never let in.
    [[nodiscard]] bool admits_nothing() const {
        return front_question ? is_second_step() : service().upstream.addresses.empty();
    }
    // Whether whoever asks gets what is behind, without anything that opens it.
    [[nodiscard]] bool free_for_all() const {
        return (match.access == paywall::Access::free && !gift) || service().dry_run;
    }
    // Where a token must be of a kind, nothing else stands for it.
    [[nodiscard]] bool is_reserved_for_tokens() const {
        const config::Route* route = route_sold();
        return route && (route->min_tier > 0 || !route->capability.empty());
    }
    // RFC 9110 §9.2.1: it asks for no change, whoever reads it.
    [[nodiscard]] bool is_safe() const {
        return !other_method &&
               (head->verb == http::Verb::get || head->verb == http::Verb::head || head->verb == http::Verb::options);
    }

    // The protection space of a challenge: the host name asked for.
    [[nodiscard]] std::string_view realm() const {
        return host.empty() ? std::string_view(service().name.text()) : host;
    }
    // What is sold here opens what is called so, or the route alone where that has tokens of its own.
    [[nodiscard]] std::string scope_of(const ServiceName& name) const;
    // What a charge opens.
    [[nodiscard]] std::string charge_scope() const { return scope_of(service().name); }
    // Where more than rules prices it, a charge buys this very thing, whatever it costs by the time it is paid.
    [[nodiscard]] std::string charge_scope_now() const {
        return quote.thing.empty() ? charge_scope() : charge_scope() + '~' + quote.thing;
    }
    // What a session opens: all of a realm, where the service is of one; the service alone, where it was sold before the
    // service joined that.
    [[nodiscard]] std::string session_scope() const {
        return scope_of(sold_before_realm ? service().name : service().seller());
    }
};

// What is counted by the answer has none to count in a connection that was upgraded.
[[nodiscard]] std::optional<http::Problem> check_upgrade(const RequestFacts& request, const config::Quota& quota);
// What the quotas of what is for sale do not allow of any token.
[[nodiscard]] std::optional<http::Problem> check_quota(const RequestFacts& request);
// What nobody can count who does not see the response.
[[nodiscard]] std::optional<http::Problem> check_countable(const RequestFacts& request);
// In place of what admits_nothing() keeps back.
[[nodiscard]] http::Problem not_here(const RequestFacts& request);

}  // namespace millrace::admit
