// What a request uses up of a token, and of whatever else lets requests in: the driver of service/meter, which records
// what is to be on disk before what.
//
//   settle()           it is known what became of the request: charged, or all of it unused again (paywall/charging.hpp).
//                      What is charged is on disk before the first byte of the response goes to the client, but for uses
//                      on a lease (config/durability), which are told to the store by then
//   commit_admitted()  by forward auth, which sees no response: when the request is let through
//   cover()            the bytes of a body whose length nobody knew: on disk before they go, a lease at a time
//   settle_trailer()   what the request cost, where the upstream says so only at the end
//   end_use()          what was recorded and not needed is taken off again; what was never recorded is released
#include <utility>

#include "service/config/durability.hpp"
#include "service/front/session.hpp"
#include "service/http/await_callback.hpp"
#include "service/log/log.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::front {
namespace {

using paywall::Reason;

http::Problem use_not_recorded() {
    return admit::unavailable("The use could not be recorded. Nothing was used up: repeat the request later.");
}

}  // namespace

// Before the upstream is asked: what it does is charged, and what cannot be recorded cannot be.
std::optional<http::Problem> Session::check_recordable() {
    if ((!request_->use && !request_->free_use) || worker_.shared().store.writable()) return std::nullopt;
    request_->use.reset();
    request_->free_use.reset();
    return use_not_recorded();
}

std::optional<std::uint64_t> Session::cost_told(const std::vector<http::HeaderLine>& fields) const {
    const std::string& name = service().cost_header;
    if (name.empty()) return std::nullopt;
    for (const http::HeaderLine& line : fields) {
        if (!relay::same_field_name(line.name, name)) continue;
        if (auto cost = meter::read_cost(line.value)) return cost;
        log::warn("service {}: the upstream's {} is no whole number of msat: the price stands", service().name.text(),
                  name);
        return std::nullopt;
    }
    return std::nullopt;
}

// Uses on a lease: told to the store, and not awaited. False: what is pending must be on disk before its answer.
bool Session::record_later() {
    paywall::Reservation& use = *request_->use;
    store::Store& store = worker_.shared().store;
    const std::uint64_t most = config::uses_ahead(service(), use.quota());
    if (most == 0 || !store.writable()) return false;
    const std::uint64_t uses = use.pending().uses;
    const auto ahead = use.commit_ahead(most);
    if (!ahead) return false;
    store.record_answered(use.hash(), service().seller().text(), uses, ahead->hurry);
    return true;
}

http::Awaitable<Result<void>> Session::record_pending() {
    if (request_->use->pending() == paywall::Usage{} || record_later()) co_return Result<void>{};
    store::Store& store = worker_.shared().store;
    auto start = [&store, hash = request_->use->hash(), usage = request_->use->pending(),
                  name = service().seller().text()](auto done) {
        store.record_usage(hash, name, store::UsageChange::used, usage, std::move(done));
    };
    Result<void> recorded = co_await http::await_callback<Result<void>>(worker_.context().get_executor(), start);
    if (recorded)
        request_->use->commit();
    else
        log::debug("service {}: the use of a token could not be recorded: {}", service().name.text(),
                   recorded.error().message);  // the store says so where it is news
    co_return recorded;
}

// The one place where a request is charged or not. False: the response must not be sent, problem is the answer.
http::Awaitable<bool> Session::settle(paywall::Fate fate) {
    if (!paywall::is_charged(fate)) {
        co_await release_all();
        co_return true;
    }
    request_->charge.reset();  // its use is on disk, and stands
    request_->work.reset();
    if (request_->free_use) co_return co_await record_free_use();
    if (!request_->use) co_return true;
    if (fate.came == paywall::Came::head) co_return co_await charge_answer();
    request_->meter.abandoned(*request_->use, request_->is_safe());
    Result<void> recorded = co_await record_pending();
    request_->use.reset();
    co_return recorded.has_value();
}

// All that the request was let through by is as it was before.
http::Awaitable<> Session::release_all() {
    request_->use.reset();
    drop_free_use();
    give_work_back();
    if (!request_->charge) co_return;
    const PaymentHash hash = *std::exchange(request_->charge, std::nullopt);
    request_->receipt.clear();
    store::Store& store = worker_.shared().store;
    auto start = [&store, hash](auto done) { store.release_charge(hash, std::move(done)); };
    Result<void> released = co_await http::await_callback<Result<void>>(worker_.context().get_executor(), start);
    if (!released)
        log::warn("service {}: charge {} came to nothing, and its release could not be recorded yet: {}",
                  service().name.text(), hash.hex(), released.error().message);
}

// The head of the response is here.
http::Awaitable<bool> Session::charge_answer() {
    const http::ResponseHead& head = exchange_->response.head();
    meter::AnswerHead answer{head.framing, head.content_length, {}, false};
    if (request_->use->quota().credit) {
        answer.cost = cost_told(head.fields);
        answer.cost_follows = relay::announces_trailer(head, service().cost_header);
    }
    const meter::Meter::Came came = request_->meter.answer_came(*request_->use, answer);
    if (came.too_dear) warn_of_cost(*answer.cost);
    if (!came.enough) co_return co_await withhold_answer(head);
    Result<void> recorded = co_await record_pending();
    if (!recorded) {
        request_->problem = use_not_recorded();
        request_->use.reset();
        co_return false;
    }
    request_->own_lines += meter::remaining_lines(*request_->use, came.bytes_to_tell);
    co_return true;
}

// The answer is longer than what is left.
http::Awaitable<bool> Session::withhold_answer(const http::ResponseHead& head) {
    const bool to_record = meter::Meter::withheld(*request_->use, request_->is_safe());
    Result<void> recorded;
    if (to_record) recorded = co_await record_pending();
    request_->use.reset();
    if (recorded)
        co_await refuse_bytes(head);
    else
        request_->problem = use_not_recorded();
    co_return false;
}

void Session::warn_of_cost(std::uint64_t cost) const {
    if (!service().max_cost || !request_->site->upstreams[request_->match.service]->first_dear_answer()) return;
    log::warn(
        "service {}: a request cost {} msat, more than max_cost_msat = {}: it draws no more than that. This is "
        "told once",
        service().name.text(), cost, service().max_cost->value());
}

bool Session::has_set_aside() {
    return request_->use || request_->free_use;
}

// For forward auth, where nobody tells what became of the request: as soon as it is let through.
http::Awaitable<std::optional<http::Problem>> Session::commit_admitted() {
    if (request_->free_use) {
        bool counted = !stream_.peer_left() && co_await record_free_use();
        if (!counted) co_return request_->problem;
        co_return std::nullopt;
    }
    if (!request_->use) co_return std::nullopt;
    if (stream_.peer_left()) co_return use_not_recorded();
    Result<void> recorded = co_await record_pending();
    if (!recorded) co_return use_not_recorded();
    request_->own_lines += meter::remaining_lines(*request_->use, 0);
    co_return std::nullopt;
}

http::Awaitable<> Session::refuse_bytes(const http::ResponseHead& head) {
    if (head.framing == http::Framing::length && head.content_length > *request_->quota_sold().bytes) {
        // Nobody is to pay again for what another token would not open either.
        request_->problem =
            http::Problem{403, "This answer is longer than what a token buys. Ask for a part of it.", "too_long"};
        co_return;
    }
    count_credential(metrics::AuthResult::exhausted);
    if (request_->match.access == paywall::Access::auth_only) {
        request_->problem = not_for_sale(Reason::quota_exhausted);
        co_return;
    }
    http::Problem problem = co_await demand_payment(Reason::quota_exhausted);
    request_->problem = std::move(problem);
}

// How many of the next `size` bytes of the body may be sent: fewer than all where the token has no more.
http::Awaitable<std::size_t> Session::cover(std::size_t size) {
    if (!request_->use || !request_->use->quota().bytes) co_return size;
    while (const std::uint64_t more = request_->meter.lease_bytes(*request_->use, size)) {
        Result<void> recorded = co_await record_pending();
        if (!recorded) co_return 0;
        request_->meter.bytes_leased(more);
    }
    co_return request_->meter.take_bytes(size);
}

// Cuts `payload` to what may be sent of it. True: that is not all.
http::Awaitable<bool> Session::cut_payload(std::vector<std::string_view>& payload) {
    std::size_t size = 0;
    for (std::string_view piece : payload) size += piece.size();
    std::size_t allowed = co_await cover(size);
    if (allowed == size) co_return false;
    for (std::string_view& piece : payload) {
        piece = piece.substr(0, allowed);
        allowed -= piece.size();
    }
    std::erase_if(payload, [](std::string_view piece) { return piece.empty(); });
    co_return true;
}

// The trailers have come; they are views into what was read, and gone with the next read.
std::optional<std::uint64_t> Session::trailer_cost() const {
    if (!request_->use || !request_->use->quota().credit) return std::nullopt;
    return cost_told(exchange_->response.trailers());
}

// The end of the body has come, and with it what it cost.
http::Awaitable<> Session::settle_trailer(std::optional<std::uint64_t> cost) {
    if (!request_->use) co_return;
    const meter::Meter::End end = request_->meter.end_came(*request_->use, cost);
    if (end.too_dear) warn_of_cost(*cost);
    if (end.give_back != paywall::Usage{}) give_back(end.give_back);
    // The body was sent already, but for its end: a failure is told in the log, and costs the token nothing.
    if (end.take != paywall::Usage{}) (void)co_await record_pending();
}

void Session::give_back(const paywall::Usage& unused) {
    request_->use->give_back(unused);
    worker_.shared().store.record_usage(request_->use->hash(), service().seller().text(),
                                        store::UsageChange::given_back, unused, [](const Result<void>&) {});
}

// What was drawn in the end, and nobody waits for.
void Session::record_taken(const paywall::Usage& taken) {
    request_->use->commit();
    auto done = [name = service().name.text()](const Result<void>& recorded) {
        if (!recorded) log::debug("service {}: a cost could not be recorded: {}", name, recorded.error().message);
    };
    worker_.shared().store.record_usage(request_->use->hash(), service().seller().text(), store::UsageChange::used,
                                        taken, std::move(done));
}

void Session::end_use() {
    end_events();
    if (request_->use) {
        const meter::Meter::End end =
            request_->meter.end(*request_->use, request_->is_safe(), leaving_.left(), request_->client_waited);
        if (end.give_back != paywall::Usage{}) give_back(end.give_back);
        if (end.take != paywall::Usage{}) record_taken(end.take);
    }
    request_->use.reset();
    request_->free_use.reset();
}

}  // namespace millrace::front
