// The sending side of a node: parts sent as `sendpay` sends them, and whole invoices paid as `xpay` pays them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "contrib/simulator/network/payer.hpp"
#include "contrib/simulator/node/node_core.hpp"
#include "contrib/simulator/node/receiver.hpp"

namespace millrace::sim {

// One part to send along a route that the caller chose.
struct SendPart {
    std::vector<PaidHop> route;  // empty: to ourselves
    PaymentHash payment_hash;
    std::uint64_t group = 0;
    std::uint64_t part = 0;
    Msat amount;  // of this part, to arrive
    Msat total;   // of all parts
    std::optional<PaymentSecret> secret;
    std::optional<Bytes> metadata;
    codec::TlvStream extra_tlvs;  // for the last node
    std::optional<std::string> label;
    std::optional<std::string> bolt11;
    std::optional<std::string> description;
};

// What xpay and pay answer.
struct PaidInvoice {
    PayEnd end;
    std::optional<Preimage> preimage;
    Msat amount;
    Msat sent;
    std::uint64_t failed_parts = 0;
    std::uint64_t successful_parts = 0;
    std::chrono::sys_seconds created_at;
};

struct PayInvoice {
    PayGoal goal;
    std::string bolt11;
    std::optional<std::string> label;
    std::uint32_t retry_for_seconds = 60;
    std::function<void(const PaidInvoice&)> done;
};

class Sender {
  public:
    Sender(NodeCore& core, Receiver& receiver) : core_(core), receiver_(receiver) {}

    // Sends it and answers its row's id. A channel that does not take it leaves a failed row.
    std::uint64_t send(SendPart part);
    void pay(PayInvoice request);
    // An HTLC of our own came back.
    void resolved(const Htlc& htlc);
    // The channel is one of ours and its peer is there.
    [[nodiscard]] bool first_hop_is_up(ShortChannelId scid) const;
    // Any group id that was not used for this hash yet.
    [[nodiscard]] std::uint64_t next_group(const PaymentHash& hash) const;

  private:
    struct Run {
        Payer payer;
        PayInvoice request;
        std::uint64_t group = 0;
        std::chrono::sys_seconds created_at;
    };
    void fail_part(std::uint64_t id, PartFailure failure);
    void complete_part(std::uint64_t id, const Preimage& preimage);
    void part_ended(const PaymentRow& row);
    void advance(const std::shared_ptr<Run>& run, const PayStep& step);
    // What xpay takes: any number of 63 bits, so that readers meet ones beyond 2^53.
    [[nodiscard]] std::uint64_t random_group(const PaymentHash& hash) const;
    void pay_ourselves(const PayInvoice& request);
    [[nodiscard]] PartFailure describe(const PaymentRow& row, Failure failure) const;

    NodeCore& core_;
    Receiver& receiver_;
    std::map<std::pair<PaymentHash, std::uint64_t>, std::shared_ptr<Run>> runs_;  // by hash and group
};

}  // namespace millrace::sim
