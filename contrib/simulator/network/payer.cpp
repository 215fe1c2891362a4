#include "contrib/simulator/network/payer.hpp"

#include <algorithm>
#include <utility>

#include "contrib/simulator/network/forwarding.hpp"

namespace millrace::sim {
namespace {

// Parts of less than this are not worth a slot in a channel.
constexpr Msat least_part{1000};

// lightningd's payment error codes (common/jsonrpc_errors.h).
constexpr int code_destination = 203;
constexpr int code_no_route = 205;
constexpr int code_too_expensive = 206;
constexpr int code_unspecified = 209;

std::string lower_name(std::uint16_t code) {
    std::string name(failcode_name(code));
    if (name.starts_with("WIRE_")) name.erase(0, 5);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return name;
}

}  // namespace

PayStep Payer::start(const Network& network) {
    if (goal_.force_parts <= 1) return route_amount(network, goal_.amount);
    std::vector<Route> routes;
    const std::uint64_t each = goal_.amount.value() / goal_.force_parts;
    for (std::uint32_t i = 0; i < goal_.force_parts; ++i) {
        const std::uint64_t amount =
            i + 1 < goal_.force_parts ? each : goal_.amount.value() - each * (goal_.force_parts - 1);
        std::optional<Route> route = search(network, Msat(amount));
        if (!route) return give_up(code_no_route, "Failed: We could not find a usable set of paths.");
        reserve(network, *route, true, 0);
        routes.push_back(std::move(*route));
    }
    PayStep step;
    for (Route& route : routes) {
        reserve(network, route, false, 0);
        reserve(network, route, true, 1);
        const std::uint64_t part = next_part_++;
        ++attempts_;
        step.send.push_back({part, route.back().amount, route});
        in_flight_.emplace(part, InFlight{route.back().amount, std::move(route)});
    }
    return step;
}

std::optional<Route> Payer::search(const Network& network, Msat amount) {
    if (searches_ >= goal_.max_searches) return std::nullopt;
    ++searches_;
    return find_route(network, {source_, goal_.destination, amount, goal_.final_cltv, goal_.hints}, beliefs_);
}

bool Payer::plan(const Network& network, Msat amount, std::vector<Route>& routes) {
    if (in_flight_.size() + routes.size() < goal_.max_parts) {
        if (std::optional<Route> route = search(network, amount)) {
            // Planned parts also take from our own channels, which have not been offered to yet.
            reserve(network, *route, true, 0);
            routes.push_back(std::move(*route));
            return true;
        }
    }
    if (in_flight_.size() + routes.size() + 2 > goal_.max_parts || amount.value() < 2 * least_part.value())
        return false;
    const Msat half(amount.value() / 2);
    return plan(network, Msat(amount.value() - half.value()), routes) && plan(network, half, routes);
}

PayStep Payer::route_amount(const Network& network, Msat amount) {
    std::vector<Route> routes;
    const bool found = plan(network, amount, routes);
    for (const Route& route : routes) reserve(network, route, false, 0);
    std::uint64_t fees = fees_in_flight().value();
    for (const Route& route : routes) fees += fee_of(route).value();
    const bool affordable = fees <= goal_.max_fee.value();
    if (!found || !affordable) {
        std::string why;
        if (found) {
            why = "Could not find route without excessive cost";
        } else {
            std::uint64_t own = 0;
            std::size_t count = 0;
            for (const ChannelIndex index : network.nodes()[source_].channels) {
                const Channel& channel = network.channel(index);
                own += channel.spendable(channel.side_of(source_)).value();
                ++count;
            }
            why = "We could not find a usable set of paths.";
            if (own < goal_.amount.value()) {
                why += " Total source capacity is only " + Msat(own).text() + " (in " + std::to_string(count) +
                       " channels).";
            }
        }
        if (attempts_ == 0) return give_up(found ? code_too_expensive : code_no_route, "Failed: " + why);
        const std::string complaint =
            amount == goal_.amount ? "Then routing failed" : "Then routing for remaining " + amount.text() + " failed";
        return give_up(code_unspecified,
                       "Failed after " + std::to_string(attempts_) + " attempts. " + results_ + complaint + ": " + why);
    }
    PayStep step;
    for (Route& route : routes) {
        reserve(network, route, true, 1);  // the first hop is locked in our own channel once it is offered
        const std::uint64_t part = next_part_++;
        ++attempts_;
        const Msat arriving = route.back().amount;
        step.send.push_back({part, arriving, route});
        in_flight_.emplace(part, InFlight{arriving, std::move(route)});
    }
    return step;
}

PayStep Payer::on_failure(const Network& network, std::uint64_t part_id, const Failure& failure) {
    const auto found = in_flight_.find(part_id);
    if (found == in_flight_.end()) return {};
    const InFlight part = std::move(found->second);
    in_flight_.erase(found);
    reserve(network, part.route, false, 1);
    ++failed_;
    if (ended_) return {};
    const std::uint16_t code = failure.code();
    if (failure.unreadable) return give_up(code_unspecified, "Unparseable onion reply");
    if (failure.erring_index >= part.route.size()) {
        if (code == failcode::mpp_timeout) {
            results_ +=
                "Payment of " + part.amount.text() + " reached destination, but timed out before the rest arrived. ";
        } else {
            return give_up(code_destination, "Destination said it doesn't know invoice: " + lower_name(code));
        }
    } else {
        const Channel& channel = network.channel(part.route[failure.erring_index].channel);
        results_ += channel.scid.text() + ": " + lower_name(code) + ". ";
        learn(network, part, failure);
    }
    if (stop_) return give_up(code_unspecified, *stop_ + " " + results_);
    if (attempts_ >= goal_.max_attempts) {
        return give_up(code_unspecified, "Failed after " + std::to_string(attempts_) + " attempts. " + results_);
    }
    return route_amount(network, part.amount);
}

PayStep Payer::on_success(std::uint64_t part_id) {
    const auto found = in_flight_.find(part_id);
    if (found == in_flight_.end()) return {};
    ++succeeded_;
    sent_ = Msat(sent_.value() + found->second.route.front().amount.value());
    in_flight_.erase(found);
    if (ended_) return {};
    ended_ = true;
    // The receiver has all parts or it would not have revealed the preimage: those still out will be fulfilled too.
    for (const auto& [id, part] : in_flight_) {
        sent_ = Msat(sent_.value() + part.route.front().amount.value());
        ++succeeded_;
    }
    PayStep step;
    step.end = PayEnd{true, 0, {}};
    return step;
}

void Payer::learn(const Network& network, const InFlight& part, const Failure& failure) {
    const RouteHop& hop = part.route[failure.erring_index];
    const Channel& channel = network.channel(hop.channel);
    const NodeIndex from = channel.peer_of(hop.to);
    const Direction direction{hop.channel, channel.side_of(from)};
    switch (failure.code()) {
        case failcode::temporary_channel_failure: {
            auto [bound, fresh] = beliefs_.too_much.emplace(direction, hop.amount);
            if (!fresh) bound->second = std::min(bound->second, hop.amount);
            break;
        }
        case failcode::fee_insufficient:
        case failcode::incorrect_cltv_expiry:
        case failcode::amount_below_minimum: {
            // The failure carries the node's channel_update: the same as its policy of now.
            const ChannelPolicy& now = channel.sides[static_cast<std::size_t>(direction.second)].policy;
            const auto known = beliefs_.policies.find(direction);
            const bool told_before = known != beliefs_.policies.end() &&
                                     known->second.fee_base_msat == now.fee_base_msat &&
                                     known->second.fee_ppm == now.fee_ppm && known->second.cltv_delta == now.cltv_delta;
            if (told_before) {
                beliefs_.excluded[direction] = true;
            } else {
                beliefs_.policies[direction] = now;
            }
            break;
        }
        default:
            beliefs_.excluded[direction] = true;
    }
}

void Payer::reserve(const Network& network, const Route& route, bool take, std::size_t from_hop) {
    NodeIndex from = source_;
    for (std::size_t i = 0; i < route.size(); ++i) {
        if (i >= from_hop) {
            Msat& taken = beliefs_.in_flight[{route[i].channel, network.channel(route[i].channel).side_of(from)}];
            const std::uint64_t amount = route[i].amount.value();
            taken = Msat(take ? taken.value() + amount : taken.value() - std::min(amount, taken.value()));
        }
        from = route[i].to;
    }
}

PayStep Payer::give_up(int code, std::string message) {
    ended_ = true;
    PayStep step;
    step.end = PayEnd{false, code, std::move(message)};
    return step;
}

Msat Payer::fees_in_flight() const {
    std::uint64_t fees = 0;
    for (const auto& [id, part] : in_flight_) fees += fee_of(part.route).value();
    return Msat(fees);
}

OnionPtr make_onion(const Network& network, const Route& route, Msat total, const std::optional<PaymentSecret>& secret,
                    const std::optional<Bytes>& metadata, std::uint32_t height) {
    auto onion = std::make_shared<Onion>();
    onion->hops.reserve(route.size());
    for (std::size_t i = 0; i < route.size(); ++i) {
        HopPayload payload;
        if (i + 1 < route.size()) {
            payload.forward = route[i + 1].amount;
            payload.outgoing_cltv = route[i + 1].cltv + height;
            payload.next = network.channel(route[i + 1].channel).scid;
        } else {
            payload.forward = route[i].amount;
            payload.outgoing_cltv = route[i].cltv + height;
            if (secret) payload.payment_data = PaymentData{*secret, total};
            payload.metadata = metadata;
        }
        onion->hops.push_back(std::move(payload));
    }
    return onion;
}

}  // namespace millrace::sim
