// What a request uses up of a token that buys more than time, and of whatever else lets requests through.
//
// What a scheme has set aside in memory (service/admit), so that no other request is promised the same:
//
//   settle()        it is known what became of it: charged, or all of it unused again (paywall/charging.hpp). What is
//                   charged is on disk before the first byte of the response goes to the client, but for uses on a
//                   lease (config/durability), which are told to the store by then
//   commit_admitted()  by forward auth, which sees no response: when the request is let through
//   cover()         the bytes of a body whose length nobody knew: on disk before they go, a lease at a time
//   settle_trailer  what the request cost, where the upstream says so only at the end
//   end_use()       what was recorded and not needed is taken off again; what was never recorded is released

#include <charconv>
#include <limits>
#include <utility>

#include "service/config/durability.hpp"
#include "service/front/session.hpp"
#include "service/http/await_callback.hpp"
#include "service/log/log.hpp"
#include "service/relay/header_rules.hpp"

namespace millrace::front {
namespace {

using paywall::Reason;

// Of a body whose length is not told, set aside at a time: what a crash may cost a token, and how often a long answer
// waits for the disk.
constexpr std::uint64_t lease = 1024 * 1024;

http::Problem use_not_recorded() {
    http::Problem problem{503, "The use could not be recorded. Nothing was used up: repeat the request later."};
    problem.retry_after = 5;
    return problem;
}

std::optional<std::uint64_t> parse_cost(std::string_view text) {
    std::uint64_t cost = 0;
    auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), cost);
    if (errc != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return cost;
}

void append_remaining(std::string_view what, std::uint64_t left, std::string& out) {
    out.append("X-L402-Remaining-").append(what).append(": ").append(std::to_string(left)).append("\r\n");
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
        if (auto cost = parse_cost(line.value)) return cost;
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
    auto done = [&ledger = worker_.shared().ledger, hash = use.hash(), uses] { ledger.recorded(hash, uses); };
    store.record_answered(use.hash(), service().seller().text(), uses, ahead->hurry, std::move(done));
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
    // Nobody will say what it cost: what was set aside for it.
    request_->metered.charged = request_->use->pending().spent_msat + request_->use->draw(request_->use->held()).msat;
    if (request_->use->quota().bytes && !request_->is_safe()) (void)request_->use->raise_bytes(lease);
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
    if (request_->use->quota().credit) {
        auto cost = cost_told(head.fields);
        if (cost) draw_cost(*cost);
        // A trailer may say it yet, or say something else.
        if (relay::announces_trailer(head, service().cost_header)) request_->metered.cost_told = false;
        if (head.framing != http::Framing::chunked) request_->use->release_held();
        request_->metered.charged = request_->use->pending().spent_msat;
    }
    if (request_->use->quota().bytes) {
        bool enough = set_bytes_aside(head);
        if (!enough) co_return co_await withhold_answer(head);
    }
    std::uint64_t before_lease =
        request_->use->left().bytes + (head.framing == http::Framing::length ? 0 : request_->metered.covered);
    Result<void> recorded = co_await record_pending();
    if (!recorded) {
        request_->problem = use_not_recorded();
        request_->use.reset();
        co_return false;
    }
    tell_remaining(before_lease);
    co_return true;
}

// The answer is longer than what is left. Of a request that may have changed something it takes all of that: else a
// token with a byte left would act for ever.
http::Awaitable<bool> Session::withhold_answer(const http::ResponseHead& head) {
    if (request_->is_safe()) {
        request_->use.reset();
    } else {
        (void)request_->use->add_bytes_up_to(std::numeric_limits<std::uint64_t>::max());
        Result<void> recorded = co_await record_pending();
        request_->use.reset();
        if (!recorded) {
            request_->problem = use_not_recorded();
            co_return false;
        }
    }
    co_await refuse_bytes(head);
    co_return false;
}

// The cost in place of the price.
void Session::draw_cost(std::uint64_t cost) {
    request_->metered.cost_told = true;
    if (request_->use->settle(cost)) return;
    warn_of_cost(cost);
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
    tell_remaining(0);
    co_return std::nullopt;
}

bool Session::set_bytes_aside(const http::ResponseHead& head) {
    if (head.framing == http::Framing::length || head.framing == http::Framing::none) {
        const std::uint64_t length = head.framing == http::Framing::length ? head.content_length : 0;
        if (!request_->use->set_bytes(length)) return false;
        request_->metered.covered = length;
        return true;
    }
    request_->metered.covered = request_->use->raise_bytes(lease);
    return request_->metered.covered > 0;
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

void Session::tell_remaining(std::uint64_t bytes) {
    const config::Quota& quota = request_->use->quota();
    paywall::Usage left = request_->use->left();
    if (quota.uses) append_remaining("Uses", left.uses, request_->own_lines);
    if (quota.bytes) append_remaining("Bytes", bytes, request_->own_lines);
    // What is held comes back where no trailer says that it cost more.
    if (quota.credit) append_remaining("Msat", left.spent_msat + request_->use->held(), request_->own_lines);
}

// How many of the next `size` bytes of the body may be sent: fewer than all where the token has no more.
http::Awaitable<std::size_t> Session::cover(std::size_t size) {
    if (!request_->use || !request_->use->quota().bytes) co_return size;
    while (request_->metered.covered < size) {
        std::uint64_t more =
            request_->use->add_bytes_up_to(std::max<std::uint64_t>(lease, size - request_->metered.covered));
        if (more == 0) break;
        Result<void> recorded = co_await record_pending();
        if (!recorded) co_return 0;
        request_->metered.covered += more;
    }
    std::size_t allowed = static_cast<std::size_t>(std::min<std::uint64_t>(request_->metered.covered, size));
    request_->metered.covered -= allowed;
    request_->metered.body_sent += allowed;
    co_return allowed;
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
    request_->metered.cost_told = true;  // there or not: nothing more will be said
    if (!cost) co_return;
    if (*cost < request_->metered.charged) {
        give_back({0, 0, request_->metered.charged - *cost});
        co_return;
    }
    const auto drawn = request_->use->draw(*cost - request_->metered.charged);
    if (!drawn.all) warn_of_cost(*cost);
    // The body was sent already, but for its end: a failure is told in the log, and costs the token nothing.
    if (drawn.msat > 0) (void)co_await record_pending();
}

void Session::give_back(const paywall::Usage& unused) {
    request_->use->give_back(unused);
    worker_.shared().store.record_usage(request_->use->hash(), service().seller().text(),
                                        store::UsageChange::given_back, unused, [](const Result<void>&) {});
}

// The cost will not be told any more, and it is the client's doing: what was held for it is drawn.
void Session::take_held() {
    const paywall::Usage held{0, 0, request_->use->draw(request_->use->held()).msat};
    request_->use->commit();
    auto done = [name = service().name.text()](const Result<void>& recorded) {
        if (!recorded) log::debug("service {}: a cost could not be recorded: {}", name, recorded.error().message);
    };
    worker_.shared().store.record_usage(request_->use->hash(), service().seller().text(), store::UsageChange::used,
                                        held, std::move(done));
}

void Session::end_use() {
    end_events();
    if (request_->use) {
        const paywall::UnsentBytes unsent{request_->is_safe(), leaving_.left(), request_->metered.body_sent};
        if (request_->metered.covered > 0 && paywall::gives_back(unsent)) give_back({0, request_->metered.covered, 0});
        if (request_->use->held() > 0 && !request_->metered.cost_told &&
            paywall::takes_held(leaving_.left(), request_->client_waited))
            take_held();
    }
    request_->metered.covered = 0;
    request_->use.reset();
    request_->free_use.reset();
}

}  // namespace millrace::front
