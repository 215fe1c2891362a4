// Requests on the free allowance, once it is known what became of them (service/admit/allowance.hpp has set them aside).
//
//   record_free_use()  it is charged (session_quota.cpp): on disk before the first byte of its response goes to the
//                      client; by forward auth, when the request is let through
//   drop_free_use()    it is not: nothing is used up

#include "service/admit/allowance.hpp"
#include "service/front/session.hpp"
#include "service/http/await_callback.hpp"
#include "service/log/log.hpp"

namespace millrace::front {

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
        log::error("service {}: a free request could not be recorded: {}", service().name.text(),
                   recorded.error().message);
        drop_free_use();
        request_->problem =
            admit::unavailable("The request could not be counted. Nothing was used up: repeat it later.");
        co_return false;
    }
    request_->own_lines += admit::free_left_line(request_->free_use->left());
    request_->free_use->commit();
    request_->free_use.reset();
    count_allowance(metrics::FreeResult::served);
    co_return true;
}

}  // namespace millrace::front
