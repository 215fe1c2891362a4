#include "plugin/invoicing/accepted_log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

namespace millrace::invoicing {

namespace asio = boost::asio;

namespace {

node::Datastore::Key place() {
    return {"millrace", "accepted"};
}

node::Datastore::Key place_of(const std::string& chunk) {
    return {"millrace", "accepted", chunk};
}

}  // namespace

AcceptedLog::AcceptedLog(asio::any_io_executor executor, std::shared_ptr<lightning::RpcClient> rpc,
                         std::function<std::chrono::sys_seconds()> now, const host::Log& log)
    : executor_(std::move(executor)), datastore_(std::move(rpc)), now_(std::move(now)), log_(log) {}

asio::awaitable<Result<void>> AcceptedLog::load() {
    const auto chunks = co_await datastore_.children(place());
    if (!chunks) co_return chunks.error();
    Accepted loaded;
    for (const node::Datastore::Entry& chunk : *chunks) {
        if (!loaded.load(chunk.name, chunk.data))
            log_.warn("the datastore's millrace/accepted/" + chunk.name + " is not understood");
    }
    accepted_ = std::move(loaded);
    asio::co_spawn(executor_, drop_spent(), asio::detached);
    co_return Result<void>();
}

asio::awaitable<Result<void>> AcceptedLog::record(PaymentHash hash, std::chrono::sys_seconds expires_at) {
    if (accepted_.knows(hash)) co_return Result<void>();
    if (!next_) next_ = std::make_shared<Batch>(executor_);
    const std::shared_ptr<Batch> batch = next_;
    batch->entries.push_back({hash, expires_at});
    if (!writing_) asio::co_spawn(executor_, write_batches(), asio::detached);
    while (!batch->outcome) co_await batch->done.wait();
    co_return *batch->outcome;
}

asio::awaitable<void> AcceptedLog::write_batches() {
    writing_ = true;
    while (next_) {
        const std::shared_ptr<Batch> batch = std::exchange(next_, nullptr);
        batch->outcome = co_await write(batch->entries);
        batch->done.notify();
    }
    writing_ = false;
    co_await drop_spent();
}

asio::awaitable<Result<void>> AcceptedLog::write(const std::vector<Accepted::Entry>& entries) {
    std::vector<Accepted::Entry> left = entries;
    while (!left.empty()) {
        const Accepted::Write write = accepted_.next_write(left);
        const auto done = co_await datastore_.append(place_of(write.chunk), write.data);
        if (!done) co_return done.error();
        accepted_.written(write);
        left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(write.count));
    }
    co_return Result<void>();
}

asio::awaitable<void> AcceptedLog::drop_spent() {
    for (const std::string& chunk : accepted_.drop_spent(now_())) {
        const auto done = co_await datastore_.remove(place_of(chunk));
        // It is found again, and dropped, at the next start.
        if (!done) log_.debug("millrace/accepted/" + chunk + " could not be removed: " + done.error().message);
    }
}

}  // namespace millrace::invoicing
