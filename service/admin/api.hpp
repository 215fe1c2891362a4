// The admin API: what operators may ask and do, over plain requests and answers. service/admin/server.hpp is its
// listener, doc/openapi/admin.json its description.
//
//   endpoints := {row, handler}   a table; the row says method, path, role and parameters (service/operations)
//   read      -> a read-only connection of the store, on a thread of its own
//   change    -> the store's writer; on disk, its row in the audit table too, before the answer
//
// Lives on one executor (the control thread's).
#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <span>
#include <variant>

#include "common/l402/token.hpp"
#include "service/admin/message.hpp"
#include "service/admin/service_change.hpp"
#include "service/config/config.hpp"
#include "service/gateway/open_invoices.hpp"
#include "service/http/asio.hpp"
#include "service/http/await_callback.hpp"
#include "service/store/reader.hpp"
#include "service/store/store.hpp"

namespace millrace::admin {

class Api;

struct Endpoint {
    const operations::Operation* row;
    http::Awaitable<Answer> (*handle)(Api&, Request);
};

// One for each row of operations::all() that has a handler (handlers.hpp).
[[nodiscard]] std::span<const Endpoint> endpoints();

// Which endpoint a request is for; fills the names in its path. 404, 405 with Allow, 403 or 400 where there is none,
// the role does not do, or a parameter is not known.
[[nodiscard]] std::variant<const Endpoint*, Answer> find_endpoint(Request& request);

// What the API asks of the running service, on its executor.
struct Sources {
    std::function<std::shared_ptr<const config::Config>()> config;
    std::function<std::string()> not_ready;  // why; empty where it is ready
    std::function<boost::json::object()> status;
    std::function<http::Awaitable<Result<boost::json::object>>()> reload;  // what changed
    std::function<void(const PaymentHash&)> revoked;  // its challenge is not to be handed out again
    std::function<http::Awaitable<ServiceOutcome>(ServiceChange)> change_services;
    std::function<const gateway::OpenInvoices&()> challenges;
    std::string file;                                            // of the configuration
    std::function<std::shared_ptr<const l402::KeyRing>()> keys;  // null before the gateway has answered
};

class Api {
  public:
    // `store` must outlive the API.
    Api(http::Executor executor, store::Store& store, std::unique_ptr<store::Reader> reader, Sources sources);
    ~Api();

    // Finds the endpoint and has it answered.
    http::Awaitable<Answer> answer(Request request);

    // What handlers go by.
    [[nodiscard]] const Sources& sources() const { return sources_; }
    [[nodiscard]] store::Store& store() { return store_; }
    // Asks the store on the reading thread.
    template <class T, class Read>
    http::Awaitable<Result<T>> read(Read query);
    // Starts something and waits, on the API's executor, until it calls back with its Result<T>.
    template <class T, class Start>
    http::CallbackWait<Result<T>, Start> wait(Start start) {
        return http::await_callback<Result<T>>(executor_, std::move(start));
    }
    // Adds a row to the audit table.
    http::Awaitable<Result<void>> record(store::AuditEntry entry);

  private:
    http::Executor executor_;
    store::Store& store_;
    std::unique_ptr<store::Reader> reader_;
    Sources sources_;
    boost::asio::thread_pool reading_{1};
};

template <class T, class Read>
http::Awaitable<Result<T>> Api::read(Read query) {
    auto start = [this, query = std::move(query)](auto done) {
        boost::asio::post(reading_, [this, query, done = std::move(done)]() mutable { done(query(*reader_)); });
    };
    Result<T> out = co_await wait<T>(std::move(start));
    co_return out;
}

}  // namespace millrace::admin
