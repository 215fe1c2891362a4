// Runs a Purchase against a shop, a node and a store in memory, to its end or until it is killed.
#pragma once

#include <algorithm>
#include <optional>

#include "tests/unit/catch.hpp"
#include "tests/unit/client/world.hpp"

namespace millrace::client::test {

inline constexpr Limits limits{Msat(5000), Msat(100), std::chrono::seconds(60)};

// The store, as far as one origin and one path need it.
struct Store {
    struct Row {
        Token token;
        bool given_up = false;
    };
    std::vector<Row> rows;
    std::optional<Pending> pending;

    [[nodiscard]] Row* row(const PaymentHash& hash) {
        const auto found =
            std::find_if(rows.begin(), rows.end(), [&](const Row& one) { return one.token.payment_hash == hash; });
        return found == rows.end() ? nullptr : &*found;
    }
    [[nodiscard]] Known known(const std::vector<PaymentHash>& tried = {}, bool again = false) const {
        Known out;
        out.pending = pending;
        for (const Row& one : rows) {
            const bool seen = std::find(tried.begin(), tried.end(), one.token.payment_hash) != tried.end();
            if (one.given_up) continue;
            if (!one.token.accepted) out.unproven = one.token;
            if (!seen && (!again || one.token.refusals == 0)) out.token = one.token;
        }
        return out;
    }
    void drop(const PaymentHash& hash) {
        std::erase_if(rows, [&](const Row& one) { return one.token.payment_hash == hash; });
    }
};

struct World {
    Shop shop;
    Node node;
    Store store;
    Limits limit = limits;
    TimePoint now = start;
    unsigned requests = 0;
    std::string message;  // how the last run ended
};

enum class Crash { none, before, after };  // of the action: before it had an effect, or after it but before the answer

// What the world does with one action; empty where the run ends.
inline std::optional<Action> perform(World& world, Purchase& purchase, Action& next, Exit& exit) {
    if (auto* send = std::get_if<SendRequest>(&next)) {
        ++world.requests;
        return purchase.on_response(world.now, world.shop.answer(world.now, *send));
    }
    if (auto* look = std::get_if<LookUp>(&next)) {
        if (look->refused) ++world.store.row(*look->refused)->token.refusals;
        return purchase.on_known(world.now, world.store.known(look->tried, world.limit.again));
    }
    if (std::get_if<AskNetwork>(&next)) return purchase.on_network(world.now, "bcrt");
    if (auto* put = std::get_if<StorePending>(&next)) {
        world.store.pending = put->pending;
        for (auto& row : world.store.rows) row.given_up |= world.limit.again && !row.token.accepted;
        return purchase.on_pending_stored();
    }
    if (auto* pay = std::get_if<Pay>(&next)) {
        REQUIRE(world.store.pending);
        REQUIRE(world.store.pending->payment_hash == pay->pending.payment_hash);
        return purchase.on_pay_outcome(world.node.pay(world.shop, pay->pending));
    }
    if (auto* ask = std::get_if<AskPayments>(&next))
        return purchase.on_payments(world.now, world.node.records(ask->payment_hash));
    if (auto* wait = std::get_if<Wait>(&next)) {
        world.now += wait->time;
        return purchase.on_waited();
    }
    if (auto* stored = std::get_if<StoreToken>(&next)) {
        world.store.drop(stored->token.payment_hash);
        world.store.rows.push_back({stored->token});
        world.store.pending.reset();
        return purchase.on_token_stored();
    }
    if (std::get_if<DropPending>(&next)) {
        world.store.pending.reset();
        return purchase.on_pending_dropped();
    }
    if (auto* note = std::get_if<NoteRefusal>(&next)) {
        ++world.store.row(note->payment_hash)->token.refusals;
        return purchase.on_settled();
    }
    if (auto* drop = std::get_if<DropToken>(&next)) {
        world.store.drop(drop->payment_hash);
        return purchase.on_settled();
    }
    if (auto* deliver = std::get_if<Deliver>(&next)) {
        if (deliver->used) world.store.drop(*deliver->used);
        if (deliver->accepted) {
            world.store.row(*deliver->accepted)->token.accepted = true;
            world.store.row(*deliver->accepted)->token.refusals = 0;
        }
        exit = Exit::ok;
        return std::nullopt;
    }
    world.message = std::get<Finish>(next).message;
    exit = std::get<Finish>(next).exit;
    return std::nullopt;
}

// Runs the client until it ends, or until it is killed at action number `kill_at`.
inline std::optional<Exit> run(World& world, Crash crash = Crash::none, unsigned kill_at = 0) {
    Purchase purchase(world.limit, {"GET /weather/x", {}});
    Action next = purchase.begin(world.now, world.store.known());
    for (unsigned step = 0; step < 200; ++step) {
        if (crash == Crash::before && step == kill_at) return std::nullopt;
        Exit exit = Exit::internal;
        std::optional<Action> following = perform(world, purchase, next, exit);
        if (!following) return exit;
        if (crash == Crash::after && step == kill_at) return std::nullopt;
        next = std::move(*following);
    }
    FAIL("the purchase does not end");
    return std::nullopt;
}

inline Response paywall(const ChallengeParts& parts, const std::string& reason = {}) {
    return {402, challenge(parts), reason};
}

inline Known known_token(const Token& token) {
    Known known;
    known.token = token;
    return known;
}
inline Known known_pending(const Pending& pending) {
    Known known;
    known.pending = pending;
    return known;
}

template <class T>
const T& as(const Action& action) {
    INFO(describe(action));
    REQUIRE(std::holds_alternative<T>(action));
    return std::get<T>(action);
}

}  // namespace millrace::client::test
