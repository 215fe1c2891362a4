// Paying one invoice: which parts to send over which routes, and what to try after a failure. No I/O and no clock: told
// what happened, it answers what to do next.
//
//   Payer payer(goal, source);
//   PayStep step = payer.start(network);            // parts to send, or an end
//   step = payer.on_failure(network, part, failure);
//   step = payer.on_success(part);
//
// As xpay does it: the whole amount over the cheapest path; what no path carries is halved; a channel that failed an
// amount is remembered as too small for it; fees and cltv deltas learnt from failures replace gossip.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "contrib/simulator/network/router.hpp"

namespace millrace::sim {

struct PayGoal {
    NodeIndex destination = 0;
    Msat amount;
    PaymentHash payment_hash;
    std::optional<PaymentSecret> payment_secret;
    std::optional<Bytes> metadata;
    std::uint32_t final_cltv = 18;
    Msat max_fee;
    std::uint32_t max_parts = 100;
    std::uint32_t force_parts = 0;  // split into so many from the start
    std::uint32_t max_attempts = 200;
    std::uint32_t max_searches = 1000;  // for paths: a drained network makes a payer halve and halve again
    std::vector<HintedChannel> hints;
};

struct PartToSend {
    std::uint64_t part_id = 0;  // from 1
    Msat amount;                // to arrive
    Route route;
};

struct PayEnd {
    bool paid = false;
    int code = 0;  // lightningd's error code where not paid
    std::string message;
};

struct PayStep {
    std::vector<PartToSend> send;
    std::optional<PayEnd> end;  // at most one step of a payment has it
};

class Payer {
  public:
    Payer(PayGoal goal, NodeIndex source) : goal_(std::move(goal)), source_(source) {}

    PayStep start(const Network& network);
    // `failure.erring_index` 0: our own channel did not take it.
    PayStep on_failure(const Network& network, std::uint64_t part_id, const Failure& failure);
    PayStep on_success(std::uint64_t part_id);
    // No more attempts from now on: the next failure ends the payment.
    void stop_retrying(std::string why) { stop_ = std::move(why); }

    [[nodiscard]] const PayGoal& goal() const { return goal_; }
    [[nodiscard]] std::uint64_t failed_parts() const { return failed_; }
    [[nodiscard]] std::uint64_t successful_parts() const { return succeeded_; }
    [[nodiscard]] Msat sent() const { return sent_; }  // fees included, of the parts that succeeded or are in flight
    [[nodiscard]] bool ended() const { return ended_; }

  private:
    struct InFlight {
        Msat amount;
        Route route;
    };
    std::optional<Route> search(const Network& network, Msat amount);
    bool plan(const Network& network, Msat amount, std::vector<Route>& routes);
    PayStep route_amount(const Network& network, Msat amount);
    void reserve(const Network& network, const Route& route, bool take, std::size_t from_hop);
    void learn(const Network& network, const InFlight& part, const Failure& failure);
    PayStep give_up(int code, std::string message);
    Msat fees_in_flight() const;

    PayGoal goal_;
    NodeIndex source_;
    Beliefs beliefs_;
    std::map<std::uint64_t, InFlight> in_flight_;
    std::uint64_t next_part_ = 1;
    std::uint64_t attempts_ = 0;
    std::uint64_t searches_ = 0;
    std::uint64_t failed_ = 0;
    std::uint64_t succeeded_ = 0;
    Msat sent_;
    bool ended_ = false;
    std::string results_;
    std::optional<std::string> stop_;
};

// The onion for a route: what each node is told. `height` makes the cltvs absolute.
[[nodiscard]] OnionPtr make_onion(const Network& network, const Route& route, Msat total,
                                  const std::optional<PaymentSecret>& secret, const std::optional<Bytes>& metadata,
                                  std::uint32_t height);

}  // namespace millrace::sim
