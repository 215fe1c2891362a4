// Prices that somebody else is asked for: the part of service/admit/price that waits.
#include "service/admit/credential.hpp"
#include "service/admit/price.hpp"
#include "service/front/session.hpp"
#include "service/http/await_callback.hpp"

namespace millrace::front {

// The price that is asked for in this tier; a problem where there is none at the moment.
http::Awaitable<std::optional<http::Problem>> Session::price_in(unsigned tier) {
    if (auto problem = admit::price_in_tier(*request_, tier)) co_return problem;
    if (request_->quote.priced) co_return std::nullopt;
    pricing::PriceSource& source = *request_->site->prices[request_->match.service];
    const pricing::Question& question = *request_->quote.question;
    std::optional<pricing::Quoted> quoted = source.known(question);
    if (!quoted) {
        auto start = [&source, &question](auto done) { source.ask(question, std::move(done)); };
        quoted = co_await http::await_callback<pricing::Quoted>(worker_.context().get_executor(), start);
    }
    if (!quoted->price) {
        http::Problem problem{503, "The price is not available. Nothing was charged: repeat the request later."};
        problem.retry_after = 1;
        co_return problem;
    }
    request_->quote.price = *quoted->price;
    request_->quote.priced = true;
    co_return std::nullopt;
}

bool Session::may_be_gift() {
    return request_->quote.question && service().pricer->min == Msat(0);
}

// A pricer that may ask for nothing is asked before anything else: what costs nothing is free. No problem is one here.
http::Awaitable<std::optional<http::Problem>> Session::look_for_gift() {
    auto& fields = exchange_->credential_fields;
    admit::find_credential_fields(exchange_->request.head(), fields);
    // A session may ask for more than what is behind.
    if (service().sessions && admit::offers_payment(fields)) co_return std::nullopt;
    auto problem = co_await price_in(request_->quote.offer_tier);
    request_->gift = !problem && request_->quote.price == Msat(0);
    if (request_->gift) request_->match.access = paywall::Access::free;
    co_return std::nullopt;
}

// Of an answer that sells something: which tier.
std::vector<std::string> Session::tier_fields() const {
    const config::Tier* sold = service().tier(request_->quote.offer_tier);
    if (!sold) return {};
    return {"X-L402-Tier: " + sold->name};
}

}  // namespace millrace::front
