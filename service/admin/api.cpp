#include "service/admin/api.hpp"

namespace millrace::admin {

Api::Api(http::Executor executor, store::Store& store, std::unique_ptr<store::Reader> reader, Sources sources)
    : executor_(executor), store_(store), reader_(std::move(reader)), sources_(std::move(sources)) {}

Api::~Api() {
    reading_.join();
}

http::Awaitable<Answer> Api::answer(Request request) {
    auto found = find_endpoint(request);
    if (auto* refused = std::get_if<Answer>(&found)) co_return std::move(*refused);
    auto handle = std::get<const Endpoint*>(found)->handle;
    Answer out = co_await handle(*this, std::move(request));
    co_return out;
}

http::Awaitable<Result<void>> Api::record(store::AuditEntry entry) {
    auto start = [this, entry = std::move(entry)](auto done) { store_.record_audit(entry, std::move(done)); };
    Result<void> out = co_await wait<void>(std::move(start));
    co_return out;
}

}  // namespace millrace::admin
