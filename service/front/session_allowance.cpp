// Requests without a credential that are served for nothing, as far as the service's free allowance goes.
//
//   reserve_free_use()  when payment would be demanded: set aside in memory
//   record_free_use()   it is charged (session_quota.cpp): on disk before the first byte of its response goes to the
//                       client; by forward auth, when the request is let through
//   drop_free_use()     it is not: nothing is used up
//
// Not drawn upon: by HEAD, which is asked to pay and told what is left, by OPTIONS that is answered here, by
// paths that are free or open to tokens alone, by upgrades, which have no end, by what costs more than the allowance
// is for, where a token of a certain kind is needed, and by services on trial. A credential, good or not, is never
// passed over for it; the cookie of a pay page, which browsers send unasked, is where it opens nothing any more.
#include <spdlog/spdlog.h>

#include "service/front/session.hpp"
#include "service/http/await_callback.hpp"

namespace millrace::front {
namespace {

// To the upstream, which is to know that nobody paid.
std::string free_header_lines(std::string_view service) {
    return "X-L402-Service: " + std::string(service) + "\r\nX-L402-Access: free-allowance\r\n";
}

std::string left_line(std::uint64_t left) {
    return "X-L402-Remaining-Free: " + std::to_string(left) + "\r\n";
}

}  // namespace

std::chrono::sys_seconds Session::today() const {
    return std::chrono::floor<std::chrono::seconds>(worker_.now());
}

// But for the price.
bool Session::may_be_free() const {
    const http::RequestHead& head = exchange_->request.head();
    return service().free_allowance && !service().dry_run && request_->match.access == paywall::Access::sold &&
           !is_reserved_for_tokens() && head.verb != http::Verb::head && head.upgrade.empty();
}

// Where a token must be of a kind, nothing else stands for it.
bool Session::is_reserved_for_tokens() const {
    const config::Route* route = route_sold();
    return route && (route->min_tier > 0 || !route->capability.empty());
}

// False: it is to be paid for, and the answer says that nothing is left.
http::Awaitable<bool> Session::reserve_free_use() {
    if (!may_be_free()) co_return false;
    // Without a price it is not known to be within what is free; demanding payment then says why.
    auto unpriced = co_await price_in(request_->quote.offer_tier);
    if (unpriced || request_->quote.price > service().free_price()) co_return false;
    auto reserved = worker_.shared().free_ledger.reserve(service().name.text(), limits::prefix_of(request_->client),
                                                         *service().free_allowance, today());
    if (auto* refusal = std::get_if<paywall::FreeRefusal>(&reserved)) {
        const bool full = *refusal == paywall::FreeRefusal::full;
        count_allowance(full ? metrics::FreeResult::full : metrics::FreeResult::used_up);
        request_->own_lines += left_line(0);
        co_return false;
    }
    request_->free_use.emplace(std::move(std::get<paywall::FreeReservation>(reserved)));
    exchange_->token_headers = free_header_lines(service().name.text());
    request_->token_headers = exchange_->token_headers;
    lasts_as_a_token(0);
    co_return true;
}

void Session::tell_free_left() {
    const auto& allowance = service().free_allowance;
    if (!allowance || service().dry_run || is_reserved_for_tokens() || request_->quote.price > service().free_price())
        return;
    request_->own_lines += left_line(worker_.shared().free_ledger.left(
        service().name.text(), limits::prefix_of(request_->client), *allowance, today()));
}

void Session::drop_free_use() {
    if (request_->free_use) count_allowance(metrics::FreeResult::failed);
    request_->free_use.reset();
}

// False: problem is the answer.
http::Awaitable<bool> Session::record_free_use() {
    store::Store& store = worker_.shared().store;
    auto start = [&store, uses = request_->free_use->record()](auto done) {
        store.record_free_uses(uses, std::move(done));
    };
    Result<void> recorded = co_await http::await_callback<Result<void>>(worker_.context().get_executor(), start);
    if (!recorded) {
        spdlog::error("service {}: a free request could not be recorded: {}", service().name.text(),
                      recorded.error().message);
        drop_free_use();
        request_->problem =
            http::Problem{503, "The request could not be counted. Nothing was used up: repeat it later."};
        request_->problem.retry_after = 5;
        co_return false;
    }
    request_->own_lines += left_line(request_->free_use->left());
    request_->free_use->commit();
    request_->free_use.reset();
    count_allowance(metrics::FreeResult::served);
    co_return true;
}

}  // namespace millrace::front
