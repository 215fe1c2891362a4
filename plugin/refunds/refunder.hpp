// Pays refunds: the one thing for which the gateway's clients may make the node pay.
//
//   request ──▶ known already? ──▶ how it stands              the same deposits, amount and invoice
//      │  no         └───────────▶ already-refunded           any of the deposits in another one
//      ▼
//   the node's records: each deposit ours and paid, the sum enough, today's limit, no earlier try that arrived after
//   all
//      ▼
//   stored as pending ──▶ xpay (a deadline, a fee limit) ──▶ listsendpays says what became of it ──▶ stored
//
// What happens if the plugin or lightningd is killed between any two of these steps: the stored ones are read at the
// start, and a pending one is watched in listsendpays until it is settled. It is never paid by anything but a request.
// That no part is under way proves a failure only once xpay sends no more: after its answer, after lightningd itself
// was started anew (xpay with it), or when its deadline is over.
//
// Requests for the same deposits, or for the same invoice, are served one after the other; the limit is set aside in
// memory in the same step in which it is looked at.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "common/gateway/messages.hpp"
#include "common/lightning/rpc_client.hpp"
#include "plugin/host/log.hpp"
#include "plugin/host/readiness.hpp"
#include "plugin/host/signal.hpp"
#include "plugin/host/world.hpp"
#include "plugin/invoicing/invoice.hpp"
#include "plugin/invoicing/key_store.hpp"
#include "plugin/node/node_watch.hpp"
#include "plugin/refunds/evidence.hpp"
#include "plugin/refunds/ledger.hpp"

namespace millrace::refunds {

class Refunder {
  public:
    using Outcome = std::variant<gateway::RefundReply, gateway::RpcError>;

    struct Parts {
        boost::asio::any_io_executor executor;
        std::shared_ptr<lightning::RpcClient> rpc;     // for short calls
        std::shared_ptr<lightning::RpcClient> paying;  // for xpay, which takes its time
        invoicing::KeyStore& keys;
        node::NodeWatch& node;
        host::Readiness& ready;
        const invoicing::InvoiceStyle& style;
        host::World world;
        const host::Log& log;
    };

    // How long it waits for what.
    struct Pace {
        std::chrono::milliseconds patience = gateway::refund_patience;  // a request, for the payment to end
        std::chrono::milliseconds first_look{100};                      // between looks at a payment, or tries to store
        std::chrono::milliseconds longest_look{10'000};
        std::chrono::milliseconds second_look{1000};  // before a failure is believed
    };

    // `node_started`: lightningd was started together with this plugin.
    Refunder(Parts parts, Limits limits, bool node_started)
        : Refunder(std::move(parts), limits, node_started, Pace()) {}
    Refunder(Parts parts, Limits limits, bool node_started, Pace pace);

    // Reads what is stored, and takes up what is pending and not watched yet. Call until it succeeds; before that
    // requests are told to come again. Errors: lightning::Errc, json::Errc.
    boost::asio::awaitable<Result<void>> load();

    // Error codes: refund_refused, rate_limited (too many at a time), node_failed, not_ready.
    boost::asio::awaitable<Outcome> refund(gateway::RefundRequest request);

    // True as soon as the ledger is what is stored; false where it is not after a while.
    boost::asio::awaitable<bool> until_loaded();

    [[nodiscard]] const Ledger& ledger() const { return ledger_; }
    [[nodiscard]] const Limits& limits() const { return limits_; }
    // From the next refund on.
    void configure(const Limits& limits) { limits_ = limits; }
    [[nodiscard]] Msat used() const { return ledger_.used(parts_.world.now()); }

  private:
    using Begun = std::variant<std::uint64_t, gateway::RpcError>;  // the index of a refund that is stored

    boost::asio::awaitable<Begun> begin(std::vector<PaymentHash> deposits, Msat asked, const Payout& payout);
    boost::asio::awaitable<std::optional<gateway::RpcError>> check_deposits(const std::vector<PaymentHash>& deposits,
                                                                            Msat asked);
    boost::asio::awaitable<std::optional<gateway::RpcError>> check_earlier(const std::vector<PaymentHash>& deposits,
                                                                           const PaymentHash& payment);
    boost::asio::awaitable<Outcome> report(std::uint64_t index);

    boost::asio::awaitable<void> pay(std::uint64_t index, std::string invoice, bool state_amount);
    boost::asio::awaitable<void> watch(std::uint64_t index, bool over, std::chrono::milliseconds until_over,
                                       std::optional<Msat> sent, std::string reason);
    boost::asio::awaitable<void> settle(std::uint64_t index, Verdict verdict, std::string reason);
    boost::asio::awaitable<void> abandon(Refund ours, std::optional<Refund> former);

    boost::asio::awaitable<Result<Payment>> payment(PaymentHash hash);
    boost::asio::awaitable<Result<void>> store(Refund refund);
    boost::asio::awaitable<void> load_again();

    [[nodiscard]] bool claimed(const std::vector<PaymentHash>& hashes) const;

    Parts parts_;
    Limits limits_;
    bool node_started_;
    Pace pace_;
    host::Readiness loaded_;
    Ledger ledger_;
    std::set<PaymentHash> claims_;  // deposits and invoices of requests that are being looked at
    host::Signal claims_changed_;
    std::set<std::uint64_t> watched_;  // refunds whose payment this process follows
    std::size_t waiting_ = 0;          // requests that wait for a payment to end
    std::size_t running_ = 0;          // payments by xpay
};

}  // namespace millrace::refunds
