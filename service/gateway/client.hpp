// millraced's connection to the plugin: keeps it, comes back when it is lost, publishes the token keys, hands
// settlements to the store and issues challenges.
//
// Lives on one io_context; issue() and ready() may be called from any thread.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "common/l402/token.hpp"
#include "common/payment/charge_request.hpp"
#include "service/async/published.hpp"
#include "service/async/task.hpp"
#include "service/gateway/open_invoices.hpp"
#include "service/gateway/protocol.hpp"
#include "service/metrics/metrics.hpp"
#include "service/paywall/steady_wall.hpp"
#include "service/store/store.hpp"

namespace millrace::gateway {

class Client {
  public:
    using IssueDone = Protocol::IssueDone;

    // All references must outlive the client.
    Client(boost::asio::io_context& context, std::filesystem::path socket, store::Store& store,
           metrics::Metrics& metrics, async::Published<l402::KeyRing>& keys, const paywall::SteadyWall& wall);

    // The node to sell for, where the operator names it; otherwise it is the one that the store knows, and for a store
    // that knows none the first to answer. Another node at the socket is not sold for. Before start().
    void sell_for(std::string node_id) { named_node_ = std::move(node_id); }

    // Called with each settlement that is new, once it is in the store, on the client's io_context. Before start().
    using Settled = std::function<void(const PaymentHash&)>;
    void on_settled(Settled settled) { settled_ = std::move(settled); }
    // Called on the client's io_context when keys came, or changed.
    void on_keys(std::function<void()> told) { keys_came_ = std::move(told); }

    void start();
    void stop();  // on the client's io_context

    // `done` is called exactly once, on the client's io_context. Errors: unavailable, rate_limited, refused,
    // bad_answer.
    void issue(IssueRequest request, IssueDone done);

    // As issue().
    using RefundDone = Protocol::RefundDone;
    void refund(RefundRequest request, RefundDone done);

    // What the node has told; empty before it did. On the client's io_context.
    [[nodiscard]] const std::optional<HelloReply>& node() const { return node_; }
    [[nodiscard]] const std::optional<NodeFigures>& figures() const { return figures_; }
    [[nodiscard]] const OpenInvoices& open_invoices() const { return open_invoices_; }

    // Why nobody can pay the node; empty where somebody can, or it is not known. Any thread.
    [[nodiscard]] std::optional<Unpayable> unpayable() const { return unpayable_.load(std::memory_order_relaxed); }

    // Something was priced above what the node can receive, and still is as far as is known. On the client's
    // io_context.
    [[nodiscard]] bool priced_above_receivable() const { return above_receivable_.has_value(); }

    // Why the node at the socket is not sold for; empty where it is. On the client's io_context.
    [[nodiscard]] const std::string& foreign_node() const { return foreign_node_; }

    // What is paid can be recorded. Any thread.
    [[nodiscard]] bool can_record() const { return store_.writable(); }
    // An invoice is not to be handed out again: its payment is in the store, or its token was revoked. Any thread.
    [[nodiscard]] bool is_taken(const PaymentHash& hash) const;

    // Connected, keys known, subscribed: an invoice that is handed out now can be paid.
    [[nodiscard]] bool ready() const { return ready_.load(std::memory_order_relaxed); }

    // Of the node that answered last, 66 hex digits; empty before the first.
    [[nodiscard]] std::string node_id() const {
        auto known = node_id_.load();
        return known ? *known : std::string();
    }

    // The node's network, from any thread; empty before the first connection, and for one without a name among those
    // of the Payment scheme.
    [[nodiscard]] std::optional<payment::Network> network() const { return network_.load(std::memory_order_relaxed); }

  private:
    using Socket = boost::asio::local::stream_protocol::socket;

    Protocol::Events events();
    async::Task<> keep_connected();
    async::Task<> connect_again_and_again();
    async::Task<Error> serve_connection(bool* was_ready);
    async::Task<> tick();
    void write_more();
    void close(std::string why);
    void record(const std::string& node_id, const Settlement& told);
    void recorded(const Settlement& settlement, const Result<bool>& is_new);
    void issued(const ServiceName& service, const Result<IssuedChallenge>& challenge);
    std::optional<Error> objection_to(const HelloReply& node);
    void note_figures(const NodeFigures& figures);
    void note_warnings(const IssuedChallenge& challenge);

    boost::asio::io_context& context_;
    std::filesystem::path path_;
    store::Store& store_;
    metrics::Metrics& metrics_;
    async::Published<l402::KeyRing>& keys_;
    const paywall::SteadyWall& wall_;
    Protocol protocol_;
    OpenInvoices open_invoices_;
    std::optional<HelloReply> node_;
    std::optional<NodeFigures> figures_;
    std::string named_node_;
    std::string foreign_node_;
    std::optional<Msat> above_receivable_;  // the least amount that the plugin warned of
    std::atomic<std::optional<Unpayable>> unpayable_{std::nullopt};
    Settled settled_;
    std::function<void()> keys_came_;
    async::Published<std::string> node_id_;
    Socket socket_;
    boost::asio::steady_timer retry_timer_;
    boost::asio::steady_timer tick_timer_;
    std::string writing_;  // what the write under way sends
    std::string close_reason_;
    bool connected_ = false;
    std::uint64_t connection_ = 0;  // counts them
    bool stopped_ = false;
    bool not_stored_ = false;  // a settlement; since the last connection began
    std::atomic<bool> ready_{false};
    std::atomic<std::optional<payment::Network>> network_{std::nullopt};
};

}  // namespace millrace::gateway
