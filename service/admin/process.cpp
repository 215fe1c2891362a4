// The admin API's endpoints about the process itself.
#include <array>
#include <boost/json/serialize.hpp>

#include "service/admin/authorization.hpp"
#include "service/admin/handlers.hpp"

namespace millrace::admin {

namespace json = boost::json;

namespace {

http::Awaitable<Answer> health(Api& api, Request) {
    std::string why = api.sources().not_ready();
    json::object out{{"status", why.empty() ? "ready" : "not ready"}, {"why", nullptr}};
    if (!why.empty()) out["why"] = why;
    co_return json_answer(out);
}

http::Awaitable<Answer> status(Api& api, Request) {
    co_return json_answer(api.sources().status());
}

// Written down before it is done, so that nothing is done that is not written down, and what came of it behind it.
http::Awaitable<Answer> reload(Api& api, Request request) {
    std::string role(name(request.role));
    store::AuditEntry asked{now(), role, "reload", "configuration", {}};
    Result<void> written = co_await api.record(std::move(asked));
    if (!written) co_return failed(written.error());
    Result<json::object> done = co_await api.sources().reload();
    store::AuditEntry outcome{now(), role, done ? "reloaded" : "reload refused", "configuration",
                              done ? json::serialize(*done) : done.error().message};
    written = co_await api.record(std::move(outcome));
    if (!done) {
        Answer refused = problem(422, done.error().message);
        co_return refused;
    }
    if (!written) co_return failed(written.error());
    co_return json_answer(*done);
}

constexpr auto handlers = std::to_array<Handler>({
    {"health", health},
    {"status", status},
    {"reload", reload},
});

}  // namespace

std::span<const Handler> process_handlers() {
    return handlers;
}

}  // namespace millrace::admin
