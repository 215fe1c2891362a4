// Paid challenges, out of lightningd's own records, and what goes with following them: rows of challenges that nobody paid in
// time are deleted.
//
// lightningd gives each row of an invoice that changes an updated_index, and each that is paid a pay_index, both growing. One
// coroutine reads the rows in the order of their changes and keeps a PaidIndex, so that what others were paid is looked at once
// in the life of a node, in pages. A settlement is then asked for by its pay_index (waitanyinvoice).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "common/gateway/messages.hpp"
#include "common/lightning/rpc_client.hpp"
#include "plugin/host/log.hpp"
#include "plugin/host/signal.hpp"
#include "plugin/invoicing/key_store.hpp"
#include "plugin/invoicing/paid_index.hpp"
#include "plugin/invoicing/settlement_record.hpp"
#include "plugin/node/datastore.hpp"

namespace millrace::invoicing {

struct SettlementPage {
    std::vector<gateway::Settlement> settlements;  // by pay_index
    std::uint64_t next = 0;                        // the pay_index to go on from
    bool at_end = false;                           // nothing is paid beyond, yet
};

struct SettlementCounters {
    std::uint64_t settled = 0;  // since the plugin started
    std::uint64_t last_pay_index = 0;
    std::optional<std::chrono::sys_seconds> last_settled_at;
};

class Settlements {
  public:
    // `rpc` for short calls; `waiting` for the one that waits.
    Settlements(boost::asio::any_io_executor executor, std::shared_ptr<lightning::RpcClient> rpc,
                std::shared_ptr<lightning::RpcClient> waiting, const KeyStore& keys, const host::Log& log);

    // Up to `limit` settlements with pay_index >= start, what is paid by now included. Waits while the node's rows are still being
    // read for the first time and there is none yet.
    // Errors: lightning::Errc (timed_out where that takes long), json::Errc.
    boost::asio::awaitable<Result<SettlementPage>> read(std::uint64_t start, std::size_t limit);

    // Follows the node's invoices until the program ends. Call once, when the keys are there.
    boost::asio::awaitable<void> follow();

    [[nodiscard]] const SettlementCounters& counters() const { return counters_; }

    // Called after a challenge was paid.
    std::function<void()> settled;

  private:
    boost::asio::awaitable<Result<std::optional<gateway::Settlement>>> settlement_at(std::uint64_t pay_index);
    boost::asio::awaitable<Result<void>> load();
    boost::asio::awaitable<Result<void>> step();
    boost::asio::awaitable<Result<void>> catch_up();
    boost::asio::awaitable<Result<std::size_t>> read_rows();
    boost::asio::awaitable<Result<std::size_t>> read_page();
    boost::asio::awaitable<Result<void>> wait_for_change();
    boost::asio::awaitable<void> remove_expired(std::string label);
    boost::asio::awaitable<Result<void>> store();

    boost::asio::any_io_executor executor_;
    std::shared_ptr<lightning::RpcClient> rpc_;
    std::shared_ptr<lightning::RpcClient> waiting_;
    node::Datastore datastore_;
    const KeyStore& keys_;
    const host::Log& log_;
    PaidIndex index_;
    bool loaded_ = false;
    bool up_to_date_ = false;  // all rows were read once
    bool reading_ = false;     // a page of rows
    host::Signal moved_;       // a page was read
    SettlementCounters counters_;
};

}  // namespace millrace::invoicing
