// A channel and the HTLCs in it, as both ends see them: the simulator has one truth, not two commitment transactions.
//
//   capacity = sides[0].balance + sides[1].balance + the amounts of all HTLCs in flight       (always)
//
// An offered HTLC leaves its side's balance when it is added (so spendable falls at once) and enters the other's when
// it is fulfilled and removed, or its own again when it failed. Side 0 is the node with the lesser id (BOLT 7's
// direction 0).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "contrib/simulator/engine/random.hpp"
#include "contrib/simulator/engine/scheduler.hpp"
#include "contrib/simulator/network/failure.hpp"
#include "contrib/simulator/network/onion.hpp"

namespace millrace::sim {

using NodeIndex = std::uint32_t;
using ChannelIndex = std::uint32_t;
// Slot and generation: a reference to an HTLC that is gone finds nothing. 0 is none.
using HtlcRef = std::uint64_t;

constexpr std::uint32_t default_max_accepted_htlcs = 483;
constexpr std::chrono::minutes stable_after{1};

// What one side asks for carrying an HTLC from itself to the other side.
struct ChannelPolicy {
    std::uint32_t fee_base_msat = 1;
    std::uint32_t fee_ppm = 10;
    std::uint16_t cltv_delta = 6;
    Msat htlc_minimum;
    Msat htlc_maximum;
    bool enabled = true;
    std::uint32_t last_update = 0;  // unix seconds

    // BOLT 7: base + amount * ppm / 1,000,000.
    [[nodiscard]] Msat fee(Msat amount) const;
    // Whether an HTLC of `amount` lies between minimum and maximum.
    [[nodiscard]] bool takes(Msat amount) const { return amount >= htlc_minimum && amount <= htlc_maximum; }
};

// What a side asked for before its last change, and until when it still forwards by that (BOLT 7: payers need time to
// hear of the change; lightningd's `enforcedelay`).
struct EarlierPolicy {
    ChannelPolicy policy;
    Time until;
};

// Counters that listpeerchannels shows; in_* and out_* of one side.
struct SideTotals {
    std::uint64_t offered = 0;
    Msat offered_amount;
    std::uint64_t fulfilled = 0;
    Msat fulfilled_amount;
};

struct ChannelSide {
    NodeIndex node = 0;
    Msat balance;
    Msat reserve;     // this side must keep it
    Msat commit_fee;  // the opener's share of the commitment fee; not spendable
    ChannelPolicy policy;
    std::optional<EarlierPolicy> earlier;
    bool ignore_fee_limits = true;
    std::uint32_t max_accepted_htlcs = default_max_accepted_htlcs;  // that the other side may offer
    std::optional<Msat> max_in_flight;                              // of what the other side may offer; empty: no limit
    std::uint32_t in_flight = 0;                                    // HTLCs that this side offered
    Msat in_flight_amount;
    std::uint64_t next_htlc_id = 0;
    Time last_delivery;  // of a message from this side: messages do not overtake each other
    SideTotals totals;
    Msat least_to_us;
    Msat most_to_us;
};

// How long one message takes over a channel: lognormal, or fixed for sigma 0.
struct Latency {
    Duration median{0};
    double sigma = 0;
};

// A message that has been sent and waits for the channel to come up again.
struct ParkedMessage {
    std::uint32_t kind;
    HtlcRef htlc;
};

struct Channel {
    ShortChannelId scid;
    Msat capacity;
    std::array<ChannelSide, 2> sides;
    std::uint8_t opener = 0;
    Msat pushed;
    Latency latency;
    RandomStream latency_random{0, 0, "latency"};
    bool is_public = true;
    bool connected = true;
    bool closed = false;  // on chain: takes no new HTLC
    Time opened_at;
    std::optional<Time> closed_at;
    Time connected_at;    // since when the connection holds, or held last
    Time last_stable_at;  // the end of the first minute of the last connection that held for one
    std::vector<ParkedMessage> parked;

    // Which side `node` is; the caller knows that it is one of the two.
    [[nodiscard]] int side_of(NodeIndex node) const { return sides[0].node == node ? 0 : 1; }
    [[nodiscard]] NodeIndex peer_of(NodeIndex node) const { return sides[1 - side_of(node)].node; }
    // When a connection was last known to be stable: lightningd notes it once the channel has been up for a minute.
    [[nodiscard]] Time stable_at(Time now) const;
    // What `side` can put into one HTLC: balance less reserve and commitment fee, capped by nothing else.
    [[nodiscard]] Msat spendable(int side) const;
};

enum class HtlcState : std::uint8_t {
    adding,     // the message is under way
    locked_in,  // the receiver has it and has not decided
    forwarded,  // the receiver offered it on
    removing,   // decided; the answer is under way
};

// In whose hands an HTLC is that was in its channel when that went on chain.
enum class OnChain : std::uint8_t {
    no,         // not on chain, or nobody has done anything yet
    claimed,    // its receiver has shown the preimage
    timed_out,  // its offerer has taken it back
};

struct Htlc {
    HtlcRef self = 0;
    ChannelIndex channel = 0;
    std::uint8_t from = 0;  // the side that offered
    HtlcState state = HtlcState::adding;
    OnChain on_chain = OnChain::no;
    std::uint64_t id = 0;  // counts per channel and side
    Msat amount;
    std::uint32_t cltv_expiry = 0;
    PaymentHash payment_hash;
    OnionPtr onion;
    std::uint32_t hop = 0;   // onion->hops[hop] is the receiver's payload
    HtlcRef upstream = 0;    // the incoming HTLC that this one forwards; 0: the offerer's own payment
    HtlcRef downstream = 0;  // the outgoing HTLC, where this one was forwarded
    std::uint64_t tag = 0;   // the offerer's own reference, for its own payments
    bool fulfilled = false;  // while removing
    Preimage preimage;
    Failure failure;
    Time locked_in_at;
    bool paid_on = false;          // its downstream was fulfilled
    bool upstream_failed = false;  // its upstream came back to its offerer
};

// Why a channel did not take an HTLC.
enum class OfferRefusal {
    peer_offline,
    closed,
    capacity,
    too_many_htlcs,
};

}  // namespace millrace::sim
