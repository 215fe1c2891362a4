// The receiving side of a node: HTLCs go through the htlc_accepted hooks, then on to the next node or into an invoice,
// with lightningd's checks in lightningd's order (lightningd/peer_htlcs.c, htlc_set.c, invoice.c).
#pragma once

#include <memory>
#include <optional>

#include "contrib/simulator/ledger/htlc_sets.hpp"
#include "contrib/simulator/node/node_core.hpp"

namespace millrace::sim {

class Receiver {
  public:
    explicit Receiver(NodeCore& core) : core_(core) {}

    void accept(HtlcRef htlc);
    // An HTLC that this node forwarded came back.
    void outgoing_resolved(const Htlc& htlc);

    // The part of lightningd's invoice checks that also covers a node paying itself. The fault, or the invoice to pay.
    struct Check {
        const InvoiceRow* invoice = nullptr;
        std::string fault;
    };
    [[nodiscard]] Check check_invoice(const PaymentHash& hash, Msat total, std::optional<Msat> expected,
                                      const std::optional<PaymentSecret>& secret) const;
    // Marks it paid and tells everybody.
    void settle_invoice(const InvoiceRow& invoice, Msat received, std::size_t parts);

  private:
    struct Incoming {
        HtlcRef htlc = 0;
        Bytes payload;  // TLV, without a length
        std::optional<HopPayload> decoded;
        BadPayload bad;
        std::optional<ChannelIndex> forward_to;
        std::optional<Msat> invoice_amount;
    };
    [[nodiscard]] boost::json::object hook_params(const Incoming& incoming) const;
    bool hook_answer(Incoming& incoming, const boost::json::value& result);
    void decode(Incoming& incoming) const;
    void hooks_done(const Incoming& incoming);
    void forward(const Incoming& incoming);
    void pay_invoice(const Incoming& incoming);
    void set_complete(const PaymentHash& hash);
    void fail_set(const PaymentHash& hash, const Bytes& message);
    void fail_receiving(HtlcRef htlc, Bytes message);
    void fail(HtlcRef htlc, Bytes message);

    NodeCore& core_;
    HtlcSets sets_;
};

// BOLT 11 payment_secret of an invoice that lightningd made: it does not store one.
[[nodiscard]] PaymentSecret invoice_secret(const Preimage& preimage);

}  // namespace millrace::sim
