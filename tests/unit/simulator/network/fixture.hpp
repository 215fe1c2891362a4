// A small network of plain nodes: n0 - n1 - n2 - …, in virtual time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/crypto/hash.hpp"
#include "common/crypto/secp256k1.hpp"
#include "contrib/simulator/network/plain_node.hpp"

namespace millrace::sim::test {

inline NodeId node_id(std::size_t number) {
    return crypto::public_key(SecretKey(crypto::sha256(as_bytes("test node " + std::to_string(number))))).value();
}

inline Preimage preimage(std::string_view name) {
    return Preimage(crypto::sha256(as_bytes(name)));
}

struct TestNet {
    explicit TestNet(std::uint64_t seed = 1) : network(scheduler, seed) {}

    NodeIndex add() {
        const NodeIndex index =
            network.add_node(node_id(network.nodes().size()), "n" + std::to_string(network.nodes().size()));
        nodes.push_back(std::make_unique<PlainNode>(network, index));
        return index;
    }

    ChannelSpec spec(NodeIndex from, NodeIndex to, std::uint64_t capacity, std::uint64_t push = 0) const {
        ChannelSpec out;
        out.from = from;
        out.to = to;
        out.capacity = Msat(capacity);
        out.push = Msat(push);
        out.policy.htlc_maximum = out.reverse_policy.htlc_maximum = Msat(capacity);
        out.reserve = Msat(capacity / 100);
        out.latency.median = std::chrono::milliseconds(10);
        return out;
    }

    ChannelIndex open(const ChannelSpec& wanted) { return std::get<ChannelIndex>(network.add_channel(wanted)); }

    // n0 to n1 to n2 …, everything on the left side.
    void line(std::size_t count, std::uint64_t capacity) {
        for (std::size_t i = 0; i < count; ++i) add();
        for (std::size_t i = 0; i + 1 < count; ++i) {
            open(spec(static_cast<NodeIndex>(i), static_cast<NodeIndex>(i + 1), capacity));
        }
    }

    struct Outcome {
        bool ended = false;
        PayEnd end;
        std::uint64_t failed = 0;
        std::uint64_t succeeded = 0;
        Msat sent;
    };
    PayGoal goal(NodeIndex to, std::uint64_t amount, std::string_view name) const {
        PayGoal out;
        out.destination = to;
        out.amount = Msat(amount);
        out.payment_hash = crypto::payment_hash(preimage(name));
        out.payment_secret = PaymentSecret();
        out.max_fee = Msat(amount);
        return out;
    }
    std::shared_ptr<Outcome> pay(NodeIndex from, const PayGoal& wanted) {
        auto outcome = std::make_shared<Outcome>();
        nodes[from]->pay(wanted, [outcome](const PayEnd& end, const Payer& payer) {
            *outcome = {true, end, payer.failed_parts(), payer.successful_parts(), payer.sent()};
        });
        return outcome;
    }

    std::uint64_t balance(ChannelIndex channel, NodeIndex node) const {
        const Channel& record = network.channel(channel);
        return record.sides[static_cast<std::size_t>(record.side_of(node))].balance.value();
    }

    Scheduler scheduler{Time{}};
    Network network;
    std::vector<std::unique_ptr<PlainNode>> nodes;
};

}  // namespace millrace::sim::test
