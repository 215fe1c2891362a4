#include "service/admin/api.hpp"

#include <boost/asio/post.hpp>
#include <boost/json/serialize.hpp>

#include "common/json/fields.hpp"
#include "service/admin/authorization.hpp"
#include "service/admin/describe.hpp"
#include "service/admin/parameters.hpp"
#include "service/config/section.hpp"
#include "service/http/await_callback.hpp"

namespace millrace::admin {

namespace asio = boost::asio;
namespace json = boost::json;
using Fields = millrace::json::Fields;
using FieldErrc = millrace::json::Errc;

namespace {

constexpr std::int64_t default_limit = 100;
constexpr std::int64_t max_limit = 10'000;
constexpr std::int64_t max_cursor = INT64_MAX;
constexpr std::size_t max_reason = 500;  // bytes

std::chrono::sys_seconds now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

Answer failed(const Error& error) {
    return problem(503, error.message);
}

template <class Row>
json::object page_of(std::string_view key, const store::Page<Row>& page) {
    json::array rows;
    for (const Row& row : page.rows) rows.push_back(describe(row));
    json::object out{{key, std::move(rows)}, {"next_cursor", nullptr}};
    if (page.next) out["next_cursor"] = std::to_string(*page.next);
    return out;
}

Result<PaymentHash> hash_in(const Request& request) {
    return PaymentHash::from_hex(request.names.at("payment_hash"));
}

Answer no_hash() {
    return problem(400, "payment_hash must be 64 hex digits");
}

}  // namespace

Api::Api(http::Executor executor, store::Store& store, std::unique_ptr<store::Reader> reader, Sources sources)
    : executor_(executor), store_(store), reader_(std::move(reader)), sources_(std::move(sources)) {}

Api::~Api() {
    reading_.join();
}

http::Awaitable<Answer> Api::answer(Request request) {
    auto found = find_endpoint(request);
    if (auto* refused = std::get_if<Answer>(&found)) co_return std::move(*refused);
    auto handler = std::get<const Endpoint*>(found)->handler;
    Answer out = co_await (this->*handler)(std::move(request));
    co_return out;
}

// Asks the store on the reading thread.
template <class T, class Read>
http::Awaitable<Result<T>> Api::read(Read query) {
    auto start = [this, query = std::move(query)](auto done) {
        asio::post(reading_, [this, query, done = std::move(done)]() mutable { done(query(*reader_)); });
    };
    Result<T> out = co_await http::await_callback<Result<T>>(executor_, std::move(start));
    co_return out;
}

http::Awaitable<Result<void>> Api::record(store::AuditEntry entry) {
    auto start = [this, entry = std::move(entry)](auto done) { store_.record_audit(entry, std::move(done)); };
    Result<void> out = co_await http::await_callback<Result<void>>(executor_, std::move(start));
    co_return out;
}

http::Awaitable<Answer> Api::health(Request) {
    std::string why = sources_.not_ready();
    json::object out{{"status", why.empty() ? "ready" : "not ready"}, {"why", nullptr}};
    if (!why.empty()) out["why"] = why;
    co_return json_answer(out);
}

http::Awaitable<Answer> Api::status(Request) {
    co_return json_answer(sources_.status());
}

http::Awaitable<Answer> Api::settlements(Request request) {
    Parameters in(request);
    store::SettlementFilter filter;
    filter.service = in.text("service");
    filter.since = in.time("since");
    filter.until = in.time("until");
    filter.limit = static_cast<std::size_t>(in.number("limit", 1, max_limit).value_or(default_limit));
    filter.before = in.number("cursor", 1, max_cursor);
    auto format = in.text("format");
    if (format && *format != "csv" && *format != "json") in.note("format", "must be csv or json");
    if (in.fault()) co_return *in.fault();
    auto query = [filter](store::Reader& reader) { return reader.settlements(filter); };
    auto page = co_await read<store::Page<store::SettlementRow>>(query);
    if (!page) co_return failed(page.error());
    if (!request.wants_csv) co_return json_answer(page_of("settlements", *page));
    Answer out{200, to_csv(page->rows), "text/csv; charset=utf-8; header=present"};
    if (page->next) out.fields.push_back("Millrace-Next-Cursor: " + std::to_string(*page->next));
    co_return out;
}

http::Awaitable<Answer> Api::sessions(Request request) {
    Parameters in(request);
    store::SessionFilter filter;
    filter.service = in.text("service");
    const auto state = in.text("state");
    if (state && *state != "open" && *state != "closed") in.note("state", "must be open or closed");
    if (state) filter.open = *state == "open";
    filter.refund = in.text("refund");
    const bool known = !filter.refund || *filter.refund == "pending" || *filter.refund == "succeeded" ||
                       *filter.refund == "failed" || *filter.refund == "skipped";
    if (!known) in.note("refund", "must be pending, succeeded, failed or skipped");
    filter.limit = static_cast<std::size_t>(in.number("limit", 1, max_limit).value_or(default_limit));
    filter.before = in.number("cursor", 1, max_cursor);
    if (in.fault()) co_return *in.fault();
    auto query = [filter](store::Reader& reader) { return reader.sessions(filter); };
    auto page = co_await read<store::Page<store::SessionRow>>(query);
    if (!page) co_return failed(page.error());
    co_return json_answer(page_of("sessions", *page));
}

http::Awaitable<Answer> Api::stats(Request request) {
    Parameters in(request);
    store::StatsFilter filter;
    std::string period = in.text("period").value_or("day");
    if (period != "hour" && period != "day") in.note("period", "must be hour or day");
    filter.period = period == "hour" ? store::Period::hour : store::Period::day;
    filter.service = in.text("service");
    filter.since = in.time("since");
    filter.until = in.time("until");
    if (in.fault()) co_return *in.fault();
    auto query = [filter](store::Reader& reader) { return reader.stats(filter); };
    auto rows = co_await read<std::vector<store::StatsRow>>(query);
    if (!rows) co_return failed(rows.error());
    json::array out;
    for (const store::StatsRow& row : *rows) out.push_back(describe(row));
    json::object document{{"period", period}, {"stats", std::move(out)}};
    co_return json_answer(document);
}

// What is known of a payment's tokens; `changed` says what a request has just done.
http::Awaitable<Answer> Api::show(PaymentHash hash, std::optional<bool> changed) {
    auto query = [hash](store::Reader& reader) { return reader.token(hash); };
    auto facts = co_await read<store::TokenFacts>(query);
    if (!facts) co_return failed(facts.error());
    if (!changed && facts->unknown())
        co_return problem(404, "Nothing is known of this payment: no settlement, no use, no revocation.");
    json::object out = describe(hash, *facts);
    if (changed) out["changed"] = *changed;
    co_return json_answer(out);
}

http::Awaitable<Answer> Api::token(Request request) {
    auto hash = hash_in(request);
    if (!hash) co_return no_hash();
    Answer out = co_await show(*hash, std::nullopt);
    co_return out;
}

http::Awaitable<Answer> Api::revoke(Request request) {
    auto hash = hash_in(request);
    if (!hash) co_return no_hash();
    json::value body(std::move(request.body));
    Fields in(body, "body");
    std::string reason = in.optional_string("reason").value_or("");
    if (reason.size() > max_reason) in.note(FieldErrc::out_of_range, "reason", "must be at most 500 bytes");
    in.no_others();
    if (in.fault()) co_return problem(400, in.fault()->message);
    store::AuditEntry entry{now(), std::string(name(request.role)), "revoke", hash->hex(), reason};
    auto start = [this, hash = *hash, reason, entry](auto done) {
        store_.revoke(hash, reason, entry, std::move(done));
    };
    Result<bool> changed = co_await http::await_callback<Result<bool>>(executor_, std::move(start));
    if (!changed) co_return failed(changed.error());
    sources_.revoked(*hash);
    Answer out = co_await show(*hash, *changed);
    co_return out;
}

http::Awaitable<Answer> Api::restore(Request request) {
    auto hash = hash_in(request);
    if (!hash) co_return no_hash();
    if (!request.body.empty()) co_return problem(400, "This endpoint takes no body.");
    store::AuditEntry entry{now(), std::string(name(request.role)), "restore", hash->hex(), {}};
    auto start = [this, hash = *hash, entry](auto done) { store_.restore(hash, entry, std::move(done)); };
    Result<bool> changed = co_await http::await_callback<Result<bool>>(executor_, std::move(start));
    if (!changed) co_return failed(changed.error());
    Answer out = co_await show(*hash, *changed);
    co_return out;
}

// Written down before it is done, so that nothing is done that is not written down, and what came of it behind it.
http::Awaitable<Answer> Api::reload(Request request) {
    if (!request.body.empty()) co_return problem(400, "This endpoint takes no body.");
    std::string role(name(request.role));
    store::AuditEntry asked{now(), role, "reload", "configuration", {}};
    Result<void> written = co_await record(std::move(asked));
    if (!written) co_return failed(written.error());
    Result<json::object> done = co_await sources_.reload();
    store::AuditEntry outcome{now(), role, done ? "reloaded" : "reload refused", "configuration",
                              done ? json::serialize(*done) : done.error().message};
    written = co_await record(std::move(outcome));
    if (!done) {
        Answer refused = problem(422, done.error().message);
        co_return refused;
    }
    if (!written) co_return failed(written.error());
    co_return json_answer(*done);
}

http::Awaitable<Answer> Api::audit(Request request) {
    Parameters in(request);
    auto limit = static_cast<std::size_t>(in.number("limit", 1, max_limit).value_or(default_limit));
    auto before = in.number("cursor", 1, max_cursor);
    if (in.fault()) co_return *in.fault();
    auto query = [before, limit](store::Reader& reader) { return reader.audit(before, limit); };
    auto page = co_await read<store::Page<store::AuditRow>>(query);
    if (!page) co_return failed(page.error());
    co_return json_answer(page_of("audit", *page));
}

}  // namespace millrace::admin
