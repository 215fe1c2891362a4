// The admin API's endpoints about what the store has on record, and the challenges that are open.
#include <array>

#include "service/admin/describe.hpp"
#include "service/admin/handlers.hpp"
#include "service/admin/parameters.hpp"

namespace millrace::admin {

namespace json = boost::json;

namespace {

constexpr std::int64_t default_limit = 100;
constexpr std::int64_t max_limit = 10'000;
constexpr std::int64_t max_cursor = INT64_MAX;

template <class Row>
json::object page_of(std::string_view key, const store::Page<Row>& page) {
    json::array rows;
    for (const Row& row : page.rows) rows.push_back(describe(row));
    json::object out{{key, std::move(rows)}, {"next_cursor", nullptr}};
    if (page.next) out["next_cursor"] = std::to_string(*page.next);
    return out;
}

http::Awaitable<Answer> settlements(Api& api, Request request) {
    Parameters in(request);
    store::SettlementFilter filter;
    filter.service = in.text("service");
    filter.since = in.time("since");
    filter.until = in.time("until");
    filter.limit = static_cast<std::size_t>(in.number("limit", 1, max_limit).value_or(default_limit));
    filter.before = in.number("cursor", 1, max_cursor);
    if (in.fault()) co_return *in.fault();
    auto query = [filter](store::Reader& reader) { return reader.settlements(filter); };
    auto page = co_await api.read<store::Page<store::SettlementRow>>(query);
    if (!page) co_return failed(page.error());
    if (!request.wants_csv) co_return json_answer(page_of("settlements", *page));
    Answer out{200, to_csv(page->rows), "text/csv; charset=utf-8; header=present"};
    if (page->next) out.fields.push_back("Millrace-Next-Cursor: " + std::to_string(*page->next));
    co_return out;
}

http::Awaitable<Answer> sessions(Api& api, Request request) {
    Parameters in(request);
    store::SessionFilter filter;
    filter.service = in.text("service");
    const auto state = in.text("state");
    if (state) filter.open = *state == "open";
    filter.refund = in.text("refund");
    filter.limit = static_cast<std::size_t>(in.number("limit", 1, max_limit).value_or(default_limit));
    filter.before = in.number("cursor", 1, max_cursor);
    if (in.fault()) co_return *in.fault();
    auto query = [filter](store::Reader& reader) { return reader.sessions(filter); };
    auto page = co_await api.read<store::Page<store::SessionRow>>(query);
    if (!page) co_return failed(page.error());
    co_return json_answer(page_of("sessions", *page));
}

http::Awaitable<Answer> stats(Api& api, Request request) {
    Parameters in(request);
    store::StatsFilter filter;
    std::string period = in.text("period").value_or("day");
    filter.period = period == "hour" ? store::Period::hour : store::Period::day;
    filter.service = in.text("service");
    filter.since = in.time("since");
    filter.until = in.time("until");
    if (in.fault()) co_return *in.fault();
    auto query = [filter](store::Reader& reader) { return reader.stats(filter); };
    auto rows = co_await api.read<std::vector<store::StatsRow>>(query);
    if (!rows) co_return failed(rows.error());
    json::array out;
    for (const store::StatsRow& row : *rows) out.push_back(describe(row));
    json::object document{{"period", period}, {"stats", std::move(out)}};
    co_return json_answer(document);
}

// Of those that this process has issued and that are neither paid nor expired: what they are for, and no invoice.
http::Awaitable<Answer> challenges(Api& api, Request request) {
    Parameters in(request);
    std::optional<std::string> service = in.text("service");
    auto limit = static_cast<std::size_t>(in.number("limit", 0, max_limit).value_or(default_limit));
    if (in.fault()) co_return *in.fault();
    auto time = std::chrono::system_clock::now();
    json::object document = describe(api.sources().challenges(), service, limit, time);
    co_return json_answer(document);
}

http::Awaitable<Answer> audit(Api& api, Request request) {
    Parameters in(request);
    auto limit = static_cast<std::size_t>(in.number("limit", 1, max_limit).value_or(default_limit));
    auto before = in.number("cursor", 1, max_cursor);
    if (in.fault()) co_return *in.fault();
    auto query = [before, limit](store::Reader& reader) { return reader.audit(before, limit); };
    auto page = co_await api.read<store::Page<store::AuditRow>>(query);
    if (!page) co_return failed(page.error());
    co_return json_answer(page_of("audit", *page));
}

constexpr auto handlers = std::to_array<Handler>({
    {"settlements", settlements},
    {"sessions", sessions},
    {"stats", stats},
    {"challenges", challenges},
    {"audit", audit},
});

}  // namespace

std::span<const Handler> record_handlers() {
    return handlers;
}

}  // namespace millrace::admin
