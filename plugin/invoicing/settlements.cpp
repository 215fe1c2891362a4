#include "plugin/invoicing/settlements.hpp"

#include <boost/json/object.hpp>
#include <utility>

#include "plugin/host/signal.hpp"

namespace millrace::invoicing {

namespace asio = boost::asio;
namespace bj = boost::json;

namespace {

constexpr int wait_timed_out = 904;  // waitanyinvoice: nothing was paid in time
constexpr std::chrono::milliseconds first_pause{200};
constexpr std::chrono::milliseconds longest_pause{10'000};

Result<std::optional<PaidInvoice>> read_reply(const Result<lightning::Reply>& reply, const InvoiceKeys& keys) {
    if (!reply) return reply.error();
    if (reply->refusal) {
        if (reply->refusal->code == wait_timed_out) return std::optional<PaidInvoice>{};
        return fail(lightning::Errc::refused, "waitanyinvoice: " + reply->refusal->message);
    }
    auto paid = parse_paid_invoice(reply->result, keys);
    if (!paid) return paid.error();
    return std::optional<PaidInvoice>(std::move(*paid));
}

}  // namespace

Settlements::Settlements(asio::any_io_executor executor, std::shared_ptr<lightning::RpcClient> rpc,
                         std::shared_ptr<lightning::RpcClient> waiting, const KeyStore& keys, const host::Log& log)
    : executor_(std::move(executor)), rpc_(std::move(rpc)), waiting_(std::move(waiting)), keys_(keys), log_(log) {}

asio::awaitable<Settlements::Found> Settlements::first_above(std::uint64_t pay_index) {
    bj::object params{{"lastpay_index", pay_index}, {"timeout", 0}};
    const auto reply = co_await rpc_->exchange("waitanyinvoice", std::move(params));
    co_return read_reply(reply, keys_.invoice_keys());
}

asio::awaitable<Settlements::Found> Settlements::wait_above(std::uint64_t pay_index) {
    bj::object params{{"lastpay_index", pay_index}};
    const auto reply = co_await waiting_->exchange("waitanyinvoice", std::move(params), std::chrono::milliseconds(0));
    co_return read_reply(reply, keys_.invoice_keys());
}

asio::awaitable<Result<SettlementPage>> Settlements::read(std::uint64_t start, std::size_t limit) {
    SettlementPage page;
    page.next = start;
    while (page.settlements.size() < limit) {
        auto found = co_await first_above(page.next > 0 ? page.next - 1 : 0);
        if (!found) co_return found.error();
        if (!found->has_value()) {
            page.at_end = true;
            break;
        }
        PaidInvoice paid = std::move(**found);
        page.next = paid.pay_index + 1;
        if (paid.settlement) page.settlements.push_back(std::move(*paid.settlement));
    }
    co_return page;
}

// The highest pay_index, without reading all that was ever paid: doubling steps up, then halving.
asio::awaitable<Result<std::uint64_t>> Settlements::find_newest() {
    std::uint64_t known = 0;                          // an index that exists, or 0
    std::optional<std::uint64_t> nothing_above;       // above this there is none
    for (std::uint64_t step = 1; !nothing_above || known < *nothing_above; step *= 2) {
        const std::uint64_t probe = nothing_above ? known + (*nothing_above - known) / 2 : known + step - 1;
        const auto found = co_await first_above(probe);
        if (!found) co_return found.error();
        if (found->has_value()) {
            known = (*found)->pay_index;
        } else {
            nothing_above = probe;
        }
    }
    co_return known;
}

asio::awaitable<void> Settlements::follow() {
    std::optional<std::uint64_t> newest;
    std::chrono::milliseconds wait = first_pause;
    while (true) {
        std::optional<Error> fault;
        if (!newest) {
            const auto found = co_await find_newest();
            if (found) {
                newest = *found;
            } else {
                fault = found.error();
            }
        } else {
            const auto found = co_await wait_above(*newest);
            if (found && found->has_value()) {
                const PaidInvoice& paid = **found;
                newest = paid.pay_index;
                if (paid.settlement) {
                    ++counters_.settled;
                    counters_.last_pay_index = paid.pay_index;
                    counters_.last_settled_at = paid.settlement->settled_at;
                    if (settled) settled();
                }
            } else if (!found) {
                fault = found.error();
            }
        }
        if (fault) {
            if (wait == first_pause) log_.debug("settlements cannot be followed for now: " + fault->message);
            co_await host::pause(executor_, wait);
            wait = std::min(2 * wait, longest_pause);
        } else {
            wait = first_pause;
        }
    }
}

}  // namespace millrace::invoicing
