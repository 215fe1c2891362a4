// Paid challenges, out of lightningd's own records: nothing is kept here.
//
// lightningd numbers paid invoices with a pay_index that only grows. waitanyinvoice finds the first one above a given index;
// with a timeout of 0 that reads on, without one it waits for the next payment.
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
#include "plugin/invoicing/key_store.hpp"
#include "plugin/invoicing/settlement_record.hpp"

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

    // Up to `limit` settlements with pay_index >= start. Errors: lightning::Errc, json::Errc.
    boost::asio::awaitable<Result<SettlementPage>> read(std::uint64_t start, std::size_t limit);

    // Follows payments from now on until the program ends. Call once, when the keys are there.
    boost::asio::awaitable<void> follow();

    [[nodiscard]] const SettlementCounters& counters() const { return counters_; }

    // Called after a challenge was paid.
    std::function<void()> settled;

  private:
    using Found = Result<std::optional<PaidInvoice>>;

    boost::asio::awaitable<Found> first_above(std::uint64_t pay_index);
    boost::asio::awaitable<Found> wait_above(std::uint64_t pay_index);
    boost::asio::awaitable<Result<std::uint64_t>> find_newest();

    boost::asio::any_io_executor executor_;
    std::shared_ptr<lightning::RpcClient> rpc_;
    std::shared_ptr<lightning::RpcClient> waiting_;
    const KeyStore& keys_;
    const host::Log& log_;
    SettlementCounters counters_;
};

}  // namespace millrace::invoicing
