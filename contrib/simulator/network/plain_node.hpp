// A node without a lightningd: it forwards what it can, accepts payments it expects, and pays. For traffic in virtual
// time.
//
//   PlainNode seller(network, index);
//   seller.expect(preimage, Msat(1000));
//   buyer.pay(goal, [](const PayEnd& end, const Payer& payer) { … });
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "contrib/simulator/ledger/htlc_sets.hpp"
#include "contrib/simulator/network/payer.hpp"

namespace millrace::sim {

class PlainNode final : public NodeBehaviour {
  public:
    using Paid = std::function<void(const PayEnd& end, const Payer& payer)>;

    PlainNode(Network& network, NodeIndex index);

    // Will accept one payment of at least `amount`, whatever its secret.
    void expect(const Preimage& preimage, Msat amount);
    void pay(const PayGoal& goal, Paid done);

    void on_htlc_locked_in(HtlcRef htlc) override;
    void on_htlc_resolved(const Htlc& htlc) override;

  private:
    struct Expected {
        Preimage preimage;
        Msat amount;
    };
    struct Run {
        Payer payer;
        Paid done;
    };
    struct Part {
        std::shared_ptr<Run> run;
        std::uint64_t part = 0;
    };
    void receive(HtlcRef ref, const HopPayload& payload);
    void advance(const std::shared_ptr<Run>& run, const PayStep& step);
    void fail(HtlcRef ref, Bytes message);

    Network& network_;
    NodeIndex index_;
    HtlcSets sets_;
    std::unordered_map<PaymentHash, Expected> expected_;
    std::unordered_map<std::uint64_t, Part> parts_;  // by the HTLC's tag
    std::uint64_t next_tag_ = 1;
};

}  // namespace millrace::sim
