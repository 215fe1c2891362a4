#include "plugin/invoicing/settlements.hpp"

#include <boost/json/object.hpp>
#include <utility>

namespace millrace::invoicing {

namespace asio = boost::asio;
namespace bj = boost::json;

namespace {

constexpr int nothing_paid = 904;       // waitanyinvoice: nothing was paid in time
constexpr std::size_t page_rows = 500;  // of lightningd's invoices: about a megabyte
constexpr std::chrono::milliseconds first_pause{200};
constexpr std::chrono::milliseconds longest_pause{10'000};
constexpr std::chrono::seconds catch_up_patience{10};

node::Datastore::Key place() {
    return {"millrace", "sales"};
}

node::Datastore::Key place_of(const std::string& chunk) {
    return {"millrace", "sales", chunk};
}

node::Datastore::Key place_of_cursor() {
    return {"millrace", "sales-read"};
}

}  // namespace

Settlements::Settlements(asio::any_io_executor executor, std::shared_ptr<lightning::RpcClient> rpc,
                         std::shared_ptr<lightning::RpcClient> waiting, const KeyStore& keys, const host::Log& log)
    : executor_(executor),
      rpc_(std::move(rpc)),
      waiting_(std::move(waiting)),
      datastore_(rpc_),
      keys_(keys),
      log_(log),
      moved_(executor) {}

// Empty where the row has been deleted since.
asio::awaitable<Result<std::optional<gateway::Settlement>>> Settlements::settlement_at(std::uint64_t pay_index) {
    bj::object params{{"lastpay_index", pay_index - 1}, {"timeout", 0}};
    const auto reply = co_await rpc_->exchange("waitanyinvoice", std::move(params));
    if (!reply) co_return reply.error();
    if (reply->refusal) {
        if (reply->refusal->code == nothing_paid) co_return std::optional<gateway::Settlement>{};
        co_return fail(lightning::Errc::refused, "waitanyinvoice: " + reply->refusal->message);
    }
    auto paid = parse_paid_invoice(reply->result, keys_.invoice_keys());
    if (!paid) co_return paid.error();
    if (paid->pay_index != pay_index) co_return std::optional<gateway::Settlement>{};
    co_return std::move(paid->settlement);
}

asio::awaitable<Result<SettlementPage>> Settlements::read(std::uint64_t start, std::size_t limit) {
    const auto deadline = std::chrono::steady_clock::now() + catch_up_patience;
    while (!up_to_date_ && index_.from(start, 1).empty()) {
        if (std::chrono::steady_clock::now() >= deadline)
            co_return fail(lightning::Errc::timed_out, "the node's invoices are still being read: try again later");
        co_await moved_.wait_for(std::chrono::seconds(1));
    }
    // Who asks right behind a payment may be faster than the news of it.
    if (up_to_date_) {
        const auto done = co_await catch_up();
        if (!done) co_return done.error();
    }
    SettlementPage page;
    page.next = start;
    const auto found = index_.from(start, limit);
    const std::vector<std::uint64_t> wanted(found.begin(), found.end());
    for (const std::uint64_t pay_index : wanted) {
        auto settlement = co_await settlement_at(pay_index);
        if (!settlement) co_return settlement.error();
        page.next = pay_index + 1;
        if (*settlement) page.settlements.push_back(std::move(**settlement));
    }
    page.at_end = up_to_date_ && index_.from(page.next, 1).empty();
    co_return page;
}

// ---- following

asio::awaitable<void> Settlements::follow() {
    std::chrono::milliseconds wait = first_pause;
    while (true) {
        const auto done = co_await step();
        if (done) {
            wait = first_pause;
            continue;
        }
        if (wait == first_pause) log_.debug("settlements cannot be followed for now: " + done.error().message);
        co_await host::pause(executor_, wait);
        wait = std::min(2 * wait, longest_pause);
    }
}

// Reads on, and waits where there is nothing to read.
asio::awaitable<Result<void>> Settlements::step() {
    if (!loaded_) {
        const auto done = co_await load();
        if (!done) co_return done.error();
        loaded_ = true;
    }
    const auto rows = co_await read_rows();
    if (!rows) co_return rows.error();
    if (*rows == page_rows) co_return Result<void>();
    const bool caught_up = !std::exchange(up_to_date_, true);
    if (caught_up) {
        moved_.notify();
        if (settled) settled();
    }
    const auto stored = co_await store();
    if (!stored) co_return stored.error();
    if (*rows == 0) co_return co_await wait_for_change();
    co_return Result<void>();
}

asio::awaitable<Result<void>> Settlements::load() {
    const auto chunks = co_await datastore_.children(place());
    if (!chunks) co_return chunks.error();
    const auto cursor = co_await datastore_.read(place_of_cursor());
    if (!cursor) co_return cursor.error();
    std::vector<Bytes> data;
    for (const node::Datastore::Entry& chunk : *chunks) data.push_back(chunk.data);
    if (index_.load(data, as_text(*cursor))) co_return Result<void>();
    // Not ours to read, or none yet: from the first row on, into chunks that are new.
    for (const node::Datastore::Entry& chunk : *chunks) {
        const auto removed = co_await datastore_.remove(place_of(chunk.name));
        if (!removed) co_return removed.error();
    }
    co_return Result<void>();
}

asio::awaitable<Result<void>> Settlements::catch_up() {
    while (true) {
        const auto rows = co_await read_rows();
        if (!rows) co_return rows.error();
        if (*rows < page_rows) co_return Result<void>();
    }
}

// How many there were. One at a time: the next begins where this one ends.
asio::awaitable<Result<std::size_t>> Settlements::read_rows() {
    while (reading_) co_await moved_.wait();
    reading_ = true;
    auto rows = co_await read_page();
    reading_ = false;
    moved_.notify();
    co_return rows;
}

asio::awaitable<Result<std::size_t>> Settlements::read_page() {
    bj::object params{{"index", "updated"}, {"start", index_.next_update()}, {"limit", page_rows}};
    const auto listed = co_await rpc_->call("listinvoices", std::move(params));
    if (!listed) co_return listed.error();
    const auto rows = parse_updated_rows(*listed);
    if (!rows) co_return rows.error();
    std::uint64_t sales = 0;
    for (const UpdatedRow& row : *rows) {
        if (index_.read(row.updated_index, row.paid)) {
            ++sales;
            counters_.last_pay_index = *row.paid;
        }
    }
    if (sales > 0 && up_to_date_) {
        counters_.settled += sales;
        const auto newest = co_await settlement_at(counters_.last_pay_index);
        if (newest && *newest) counters_.last_settled_at = (*newest)->settled_at;
    }
    if (sales > 0 && settled) settled();
    for (const UpdatedRow& row : *rows) {
        if (row.expired) co_await remove_expired(*row.expired);
    }
    co_return rows->size();
}

// Parts that lightningd still collects for it go back when their 70 seconds are over, or when they are complete and it finds no
// row (lightningd/invoice.c, invoice_payment_hooks_done).
asio::awaitable<void> Settlements::remove_expired(std::string label) {
    bj::object params{{"label", label}, {"status", "expired"}};
    const auto removed = co_await rpc_->call("delinvoice", std::move(params));
    // Somebody else was faster, or the node is going down: it costs a row.
    if (!removed) log_.debug("the expired invoice " + label + " could not be deleted: " + removed.error().message);
}

asio::awaitable<Result<void>> Settlements::wait_for_change() {
    bj::object params{{"subsystem", "invoices"}, {"indexname", "updated"}, {"nextvalue", index_.next_update()}};
    const auto changed = co_await waiting_->call("wait", std::move(params), std::chrono::milliseconds(0));
    if (!changed) co_return changed.error();
    co_return Result<void>();
}

asio::awaitable<Result<void>> Settlements::store() {
    while (const auto write = index_.next_write()) {
        const auto done = co_await datastore_.append(place_of(write->chunk), write->data);
        if (!done) co_return done.error();
        index_.written(*write);
    }
    if (const auto text = index_.cursor_write()) {
        const auto done = co_await datastore_.replace(place_of_cursor(), to_bytes(as_bytes(*text)));
        if (!done) co_return done.error();
        index_.cursor_written();
    }
    co_return Result<void>();
}

}  // namespace millrace::invoicing
