// The payment network: nodes, channels and HTLCs in virtual time. It moves balances and carries messages; what a node
// does with an HTLC it received is its NodeBehaviour's affair (a simulated lightningd with plugins, or a PlainNode).
//
//   offer ── latency ──▶ on_htlc_locked_in ── fulfil() or fail() ── latency ──▶ on_htlc_resolved (at the offerer)
//                                                                              on_htlc_removed (at the receiver)
//
// A channel whose either end is down keeps its messages and delivers them, in order, when both are up again. HTLCs and
// balances are what nodes have on disk: taking a node down loses none of them.
//
// A channel that is on chain settles each HTLC in it by itself (on_chain.cpp): its receiver claims it with the
// preimage, as soon as it has that and is up; its offerer takes it back once it has expired and the offerer is up. So a
// node that is up never pays an HTLC on and loses the one it came with: losses() lists what contradicts that.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "contrib/simulator/engine/event_log.hpp"
#include "contrib/simulator/engine/scheduler.hpp"
#include "contrib/simulator/network/channel.hpp"

namespace millrace::sim {

class NodeBehaviour {
  public:
    // An HTLC offered to this node is irrevocably committed: forward, fulfil or fail it, now or later.
    virtual void on_htlc_locked_in(HtlcRef htlc) = 0;
    // An HTLC that this node offered came back; `htlc.fulfilled` says how. It is gone after the call.
    virtual void on_htlc_resolved(const Htlc& htlc) = 0;
    // An HTLC that this node had accepted has left the channel, and balances have moved.
    virtual void on_htlc_removed(const Htlc& htlc) { static_cast<void>(htlc); }
    virtual void on_peer(ChannelIndex channel, bool connected) {
        static_cast<void>(channel);
        static_cast<void>(connected);
    }

    virtual void on_channel_closed(ChannelIndex channel) { static_cast<void>(channel); }

  protected:
    ~NodeBehaviour() = default;
};

struct ChannelSpec {
    NodeIndex from = 0;  // the opener
    NodeIndex to = 0;
    std::optional<ShortChannelId> scid;  // empty: the next free one
    Msat capacity;
    Msat push;                     // what `to` starts with
    ChannelPolicy policy;          // from -> to
    ChannelPolicy reverse_policy;  // to -> from
    Msat reserve;
    Msat commit_fee;
    Latency latency;
    bool is_public = true;
    // What each end accepts of the other.
    std::uint32_t max_accepted_htlcs = default_max_accepted_htlcs;          // `to`
    std::uint32_t reverse_max_accepted_htlcs = default_max_accepted_htlcs;  // `from`
    std::optional<Msat> max_in_flight;
    std::optional<Msat> reverse_max_in_flight;
};

struct Offer {
    Msat amount;
    std::uint32_t cltv_expiry = 0;
    PaymentHash payment_hash;
    OnionPtr onion;
    std::uint32_t hop = 0;
    std::uint64_t tag = 0;
};

struct NodeRecord {
    NodeId id;
    std::string name;
    bool up = true;
    Time up_since;
    std::vector<ChannelIndex> channels;
    NodeBehaviour* behaviour = nullptr;
};

// An HTLC that a node paid on without being paid itself.
struct Loss {
    NodeIndex node = 0;
    Msat amount;         // of the outgoing HTLC
    bool was_up = true;  // all the while: then nothing excuses it
};

class Network final : private EventSink {
  public:
    // Kinds of messages, as they stand in the event log and are given to the gate.
    enum Message : std::uint32_t { add = 1, remove = 2 };
    // Kinds in the event log only.
    enum Logged : std::uint32_t { offered = 3, refused = 4, node_state = 5, mined = 6 };

    Network(Scheduler& scheduler, std::uint64_t seed) : scheduler_(scheduler), seed_(seed) {}
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;

    NodeIndex add_node(const NodeId& id, std::string name);
    // Errors as a sentence: unknown node, from == to, push over capacity, a duplicate scid.
    [[nodiscard]] std::variant<ChannelIndex, std::string> add_channel(const ChannelSpec& spec);
    void set_behaviour(NodeIndex node, NodeBehaviour* behaviour) { nodes_[node].behaviour = behaviour; }

    // Offers an HTLC of `from`'s own (its payment's first hop).
    [[nodiscard]] std::variant<HtlcRef, OfferRefusal> offer(ChannelIndex channel, NodeIndex from, const Offer& offer);
    // Offers on what came in with `incoming`, which must be locked in and undecided.
    [[nodiscard]] std::variant<HtlcRef, OfferRefusal> forward(HtlcRef incoming, ChannelIndex channel,
                                                              const Offer& offer);
    // The receiver's answer to an HTLC that is locked in or forwarded. An HTLC that is gone or decided already: no
    // effect.
    void fulfil(HtlcRef htlc, const Preimage& preimage);
    void fail(HtlcRef htlc, Failure failure);

    // A down node receives nothing and can be offered nothing.
    void set_up(NodeIndex node, bool up);
    // The channel goes on chain and takes no more. HTLCs in it that were not locked in come back at once as
    // permanent_channel_failure, the others when they expire, unless their receiver claims them.
    void close(ChannelIndex channel);
    // Raises the block height, block by block where something is due. An HTLC that is past its expiry closes its
    // channel, as lightningd would: somebody sat on it. So does one that was fulfilled and cannot be delivered, shortly
    // before its expiry.
    void mine(std::uint32_t blocks);

    [[nodiscard]] std::uint32_t height() const { return height_; }
    void set_height(std::uint32_t height) { height_ = height; }
    [[nodiscard]] const Htlc* find(HtlcRef htlc) const;
    [[nodiscard]] const std::vector<NodeRecord>& nodes() const { return nodes_; }
    [[nodiscard]] const std::vector<Channel>& channels() const { return channels_; }
    [[nodiscard]] Channel& channel(ChannelIndex index) { return channels_[index]; }
    [[nodiscard]] const Channel& channel(ChannelIndex index) const { return channels_[index]; }
    [[nodiscard]] std::optional<NodeIndex> find_node(const NodeId& id) const;
    // By its short channel id, or by either side's alias (BOLT 2): route hints name unannounced channels by alias.
    [[nodiscard]] std::optional<ChannelIndex> find_channel(ShortChannelId scid) const;
    // What the node at `side` calls the channel before its peers.
    [[nodiscard]] static ShortChannelId alias(ChannelIndex channel, int side);
    // All HTLCs in the channel, in the order of their slots.
    [[nodiscard]] std::vector<const Htlc*> htlcs_in(ChannelIndex channel) const;
    // HTLCs offered to `node` that it has not decided: what lightningd replays to its hooks at start. In order of
    // arrival.
    [[nodiscard]] std::vector<HtlcRef> undecided(NodeIndex node) const;
    [[nodiscard]] NodeIndex receiver_of(const Htlc& htlc) const;
    [[nodiscard]] NodeIndex offerer_of(const Htlc& htlc) const;

    // Asked before each message is delivered; true: keep it, deliver() will be called for it.
    using Gate = std::function<bool(Message, const Htlc&)>;
    void set_gate(Gate gate) { gate_ = std::move(gate); }
    void deliver(Message kind, HtlcRef htlc);

    // True where every channel's balances and HTLCs add up to its capacity, and no node that was up lost an HTLC.
    [[nodiscard]] bool balanced() const;
    [[nodiscard]] const std::vector<Loss>& losses() const { return losses_; }

    [[nodiscard]] Scheduler& scheduler() { return scheduler_; }
    [[nodiscard]] Time now() const { return scheduler_.now(); }
    [[nodiscard]] EventLog& log() { return log_; }
    [[nodiscard]] std::uint64_t htlcs_offered() const { return htlcs_offered_; }

    // Why `channel` would not take `amount` from `side` now; empty where it would.
    [[nodiscard]] std::optional<OfferRefusal> refusal(const Channel& channel, int side, Msat amount) const;

  private:
    static constexpr std::uint32_t first_alias_block = 16'000'000;  // as in lightningd: no real block is that high

    void on_event(std::uint32_t kind, std::uint64_t subject) override;
    std::variant<HtlcRef, OfferRefusal> place(ChannelIndex channel, int side, const Offer& offer, HtlcRef upstream);
    Htlc* get(HtlcRef htlc);
    Htlc& allocate();
    void release(HtlcRef htlc);
    void send(Message kind, Htlc& htlc);
    [[nodiscard]] bool deliverable(const Htlc& htlc) const;
    void send_parked(ChannelIndex channel);
    void finish(HtlcRef ref);
    void decide(Htlc& htlc);
    void resolve_on_chain(Htlc& htlc);
    [[nodiscard]] bool answer_under_way(const Htlc& htlc) const;
    void check_deadlines();
    [[nodiscard]] std::uint32_t next_deadline() const;
    void remember_forward(const Htlc& gone);
    void note(std::uint32_t kind, std::uint64_t subject, std::uint64_t value);

    Scheduler& scheduler_;
    std::uint64_t seed_;
    std::uint32_t height_ = 100;
    std::vector<NodeRecord> nodes_;
    std::vector<Channel> channels_;
    std::unordered_map<NodeId, NodeIndex> node_by_id_;
    std::unordered_map<ShortChannelId, ChannelIndex> channel_by_scid_;
    std::vector<Htlc> htlcs_;
    std::vector<std::uint32_t> free_slots_;
    std::vector<std::uint32_t> generations_;
    std::uint64_t htlcs_offered_ = 0;
    std::vector<Loss> losses_;
    Gate gate_;
    EventLog log_;
};

}  // namespace millrace::sim
