#include "service/admit/allowance.hpp"

namespace millrace::admit {

std::string free_left_line(std::uint64_t left) {
    return "X-L402-Remaining-Free: " + std::to_string(left) + "\r\n";
}

bool may_be_free(const RequestFacts& request) {
    return request.service().free_allowance && !request.service().dry_run &&
           request.match.access == paywall::Access::sold && !request.is_reserved_for_tokens() &&
           request.head->verb != http::Verb::head && request.head->upgrade.empty();
}

bool let_in_free(const RequestFacts& request, Pass& pass, const Books& books,
                 std::optional<paywall::FreeResult>* counted) {
    const config::Service& service = request.service();
    if (!may_be_free(request) || !request.quote.priced || request.quote.price > service.free_price()) return false;
    auto reserved = books.free_ledger.reserve(service.name.text(), limits::prefix_of(request.client),
                                              *service.free_allowance, books.today());
    if (auto* refusal = std::get_if<paywall::FreeRefusal>(&reserved)) {
        const bool full = *refusal == paywall::FreeRefusal::full;
        *counted = full ? paywall::FreeResult::full : paywall::FreeResult::used_up;
        pass.own_lines += free_left_line(0);
        return false;
    }
    pass.free_use.emplace(std::move(std::get<paywall::FreeReservation>(reserved)));
    // To the upstream, which is to know that nobody paid.
    pass.tell_upstream("X-L402-Service: " + service.name.text() + "\r\nX-L402-Access: free-allowance\r\n");
    lasts_as_a_token(request, pass, 0, books.now);
    return true;
}

void tell_free_left(const RequestFacts& request, Pass& pass, const Books& books) {
    const config::Service& service = request.service();
    const auto& allowance = service.free_allowance;
    if (!allowance || service.dry_run || request.is_reserved_for_tokens() || request.quote.price > service.free_price())
        return;
    pass.own_lines += free_left_line(
        books.free_ledger.left(service.name.text(), limits::prefix_of(request.client), *allowance, books.today()));
}

}  // namespace millrace::admit
