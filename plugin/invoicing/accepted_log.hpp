// Writes down in lightningd's datastore which challenges were accepted (see Accepted), before their HTLCs go on. What comes
// while a write is under way goes with the next one, so that a burst costs the node few commits.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "plugin/host/log.hpp"
#include "plugin/host/signal.hpp"
#include "plugin/invoicing/accepted.hpp"
#include "plugin/node/datastore.hpp"

namespace millrace::invoicing {

class AcceptedLog {
  public:
    AcceptedLog(boost::asio::any_io_executor executor, std::shared_ptr<lightning::RpcClient> rpc,
                std::function<std::chrono::sys_seconds()> now, const host::Log& log);

    // Call until it succeeds, before any HTLC is decided on. Errors: lightning::Errc, json::Errc.
    boost::asio::awaitable<Result<void>> load();

    [[nodiscard]] bool knows(const PaymentHash& hash) const { return accepted_.knows(hash); }
    [[nodiscard]] std::size_t size() const { return accepted_.size(); }

    // Returns once it is written, at once where it was before. Errors: lightning::Errc.
    boost::asio::awaitable<Result<void>> record(PaymentHash hash, std::chrono::sys_seconds expires_at);

  private:
    struct Batch {
        explicit Batch(const boost::asio::any_io_executor& executor) : done(executor) {}
        std::vector<Accepted::Entry> entries;
        std::optional<Result<void>> outcome;
        host::Signal done;
    };

    boost::asio::awaitable<void> write_batches();
    boost::asio::awaitable<Result<void>> write(const std::vector<Accepted::Entry>& entries);
    boost::asio::awaitable<void> drop_spent();

    boost::asio::any_io_executor executor_;
    node::Datastore datastore_;
    std::function<std::chrono::sys_seconds()> now_;
    const host::Log& log_;
    Accepted accepted_;
    std::shared_ptr<Batch> next_;  // what waits for the write that is under way
    bool writing_ = false;
};

}  // namespace millrace::invoicing
