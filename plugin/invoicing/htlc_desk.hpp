// Where HTLCs with a payment_secret come in: runs an Acceptor for each and does what it says.
//
// HTLCs of one payment hash (parts of one payment) are served one after the other, others independently. What comes before
// the keys are loaded (a start replays undecided HTLCs at once) waits for them.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "common/lightning/rpc_client.hpp"
#include "plugin/host/hook_guard.hpp"
#include "plugin/host/log.hpp"
#include "plugin/host/world.hpp"
#include "plugin/invoicing/accepted_log.hpp"
#include "plugin/invoicing/acceptor.hpp"
#include "plugin/invoicing/challenge_cache.hpp"
#include "plugin/invoicing/key_store.hpp"

namespace millrace::invoicing {

struct AcceptCounters {
    std::uint64_t accepted = 0;                          // challenges handed to lightningd as an invoice
    std::array<std::uint64_t, refusal_count> refused{};  // HTLCs, by Refusal
};

class HtlcDesk {
  public:
    struct Parts {
        boost::asio::any_io_executor executor;
        std::shared_ptr<lightning::RpcClient> rpc;
        KeyStore& keys;
        AcceptedLog& accepted;
        ChallengeCache& cache;
        const InvoiceStyle& style;
        host::World world;
        const host::Log& log;
    };

    explicit HtlcDesk(Parts parts) : parts_(std::move(parts)) {}

    void handle(host::HookTicket ticket, const boost::json::value& params);

    // The keys are there, and what was accepted before is known.
    void open();

    [[nodiscard]] const AcceptCounters& counters() const { return counters_; }

  private:
    struct Entry {
        host::HookTicket ticket;
        HtlcFacts facts;
    };
    struct Case {
        host::HookTicket ticket;
        Acceptor acceptor;
        Step step;
    };

    void begin(Entry entry);
    boost::asio::awaitable<void> serve(PaymentHash hash);
    boost::asio::awaitable<void> decide(Case& one);
    boost::asio::awaitable<Step> ask_rows(Acceptor& acceptor, std::chrono::milliseconds delay);
    boost::asio::awaitable<Step> create(Acceptor& acceptor, std::string invstring);
    boost::asio::awaitable<Step> record(Acceptor& acceptor);
    void finish(host::HookTicket& ticket, const Acceptor& acceptor, const Step& step);

    Parts parts_;
    bool open_ = false;
    std::vector<Entry> waiting_;  // for the keys
    std::unordered_map<PaymentHash, std::deque<Case>> cases_;
    AcceptCounters counters_;
};

}  // namespace millrace::invoicing
