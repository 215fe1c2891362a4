#include "common/gateway/messages.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <utility>

#include "common/json/fields.hpp"

namespace millrace {

const char* ErrcText<gateway::Errc>::text(gateway::Errc errc) {
    switch (errc) {
        case gateway::Errc::bad_message:
            return "malformed gateway message";
    }
    return "unknown gateway error";
}

}  // namespace millrace

namespace millrace::gateway {
namespace {

namespace bj = boost::json;

std::int64_t unix_seconds(std::chrono::sys_seconds time) {
    return time.time_since_epoch().count();
}

// What was read, or the reader's fault in this domain.
template <class Message>
Result<Message> finish(const json::Fields& in, Message message) {
    if (in.fault()) return Error{to_error_code(Errc::bad_message), in.fault()->message};
    return message;
}

constexpr std::array<std::pair<RefundState, std::string_view>, 3> refund_states{{
    {RefundState::pending, "pending"},
    {RefundState::complete, "complete"},
    {RefundState::failed, "failed"},
}};

constexpr std::array<std::pair<Unpayable, std::string_view>, 2> unpayables{{
    {Unpayable::no_channels, "no-channels"},
    {Unpayable::offline, "offline"},
}};

constexpr std::array<std::pair<RefundRefusal, std::string_view>, 7> refund_refusals{{
    {RefundRefusal::off, "off"},
    {RefundRefusal::not_a_deposit, "not-a-deposit"},
    {RefundRefusal::not_settled, "not-settled"},
    {RefundRefusal::too_much, "too-much"},
    {RefundRefusal::already_refunded, "already-refunded"},
    {RefundRefusal::daily_limit, "daily-limit"},
    {RefundRefusal::bad_invoice, "bad-invoice"},
}};

template <class Table, class Key>
std::string_view word_for(const Table& table, Key key) {
    for (const auto& [each, word] : table) {
        if (each == key) return word;
    }
    return "unknown";
}

}  // namespace

bj::object to_json(const Hello& hello) {
    return {{"protocol", hello.protocol}, {"client", hello.client}};
}

Result<Hello> parse_hello(const bj::value& value) {
    json::Fields in(value, "hello");
    Hello out;
    out.protocol = static_cast<int>(in.u64("protocol", 1000));
    out.client = in.string("client");
    in.no_others();
    return finish(in, std::move(out));
}

bj::object to_json(const HelloReply& reply) {
    return {{"protocol", reply.protocol}, {"version", reply.version}, {"node_id", reply.node_id},
            {"alias", reply.alias},       {"network", reply.network}, {"blockheight", reply.blockheight}};
}

Result<HelloReply> parse_hello_reply(const bj::value& value) {
    json::Fields in(value, "hello reply");
    HelloReply out;
    out.protocol = static_cast<int>(in.u64("protocol", 1000));
    out.version = in.string("version");
    out.node_id = in.string("node_id");
    out.alias = in.string("alias");
    out.network = in.string("network");
    out.blockheight = static_cast<std::uint32_t>(in.u64("blockheight", UINT32_MAX));
    return finish(in, std::move(out));
}

bj::object to_json(const IssueRequest& request) {
    bj::object out{{"amount_msat", request.amount.value()}, {"service", request.service.text()}};
    if (request.description) out["description"] = *request.description;
    if (request.expiry) out["expiry"] = request.expiry->count();
    if (request.deposit) out["deposit"] = true;
    return out;
}

Result<IssueRequest> parse_issue_request(const bj::value& value) {
    json::Fields in(value, "issue");
    IssueRequest out{in.msat("amount_msat"), in.service("service"), in.optional_string("description"),
                     in.optional_seconds("expiry"), in.optional_boolean("deposit").value_or(false)};
    in.no_others();
    return finish(in, std::move(out));
}

bj::object to_json(const IssuedChallenge& challenge) {
    bj::object out{{"payment_hash", challenge.payment_hash.hex()},
                   {"bolt11", challenge.bolt11},
                   {"amount_msat", challenge.amount.value()},
                   {"expires_at", unix_seconds(challenge.expires_at)}};
    if (challenge.deposit) {
        out["deposit"] = true;
    } else {
        out["token"] = challenge.token_base64;
        out["www_authenticate"] = bj::array(challenge.www_authenticate.begin(), challenge.www_authenticate.end());
    }
    for (const auto& [warning, text] : challenge.warnings) out[warning] = text;
    return out;
}

Result<IssuedChallenge> parse_issued_challenge(const bj::value& value) {
    json::Fields in(value, "challenge");
    IssuedChallenge out;
    out.payment_hash = in.hex<PaymentHash>("payment_hash");
    out.bolt11 = in.string("bolt11");
    out.amount = in.msat("amount_msat");
    out.expires_at = in.time("expires_at");
    out.deposit = in.optional_boolean("deposit").value_or(false);
    if (!out.deposit) {
        out.token_base64 = in.string("token");
        out.www_authenticate = in.strings("www_authenticate");
    }
    if (const bj::object* members = value.if_object()) {
        for (const auto& member : *members) {
            const std::string_view key(member.key().data(), member.key().size());
            if (key.starts_with("warning_") && member.value().is_string())
                out.warnings.emplace_back(key, member.value().get_string().c_str());
        }
    }
    return finish(in, std::move(out));
}

bj::object to_json(const Keys& keys) {
    bj::array epochs;
    for (const EpochKey& key : keys.epochs) {
        epochs.push_back(bj::object{
            {"epoch", key.epoch}, {"key", key.key.reveal_hex()}, {"created_at", unix_seconds(key.created_at)}});
    }
    return {{"current", keys.current}, {"epochs", std::move(epochs)}};
}

Result<Keys> parse_keys(const bj::value& value) {
    json::Fields in(value, "keys");
    Keys out;
    out.current = static_cast<l402::KeyEpoch>(in.u64("current", UINT16_MAX));
    for (const bj::value& element : in.array("epochs")) {
        json::Fields epoch(element, "keys: epochs");
        out.epochs.push_back({static_cast<l402::KeyEpoch>(epoch.u64("epoch", UINT16_MAX)), epoch.hex<SecretKey>("key"),
                              epoch.time("created_at")});
        if (epoch.fault()) return Error{to_error_code(Errc::bad_message), epoch.fault()->message};
    }
    return finish(in, std::move(out));
}

bj::object to_json(const Settlement& settlement) {
    bj::object out{{"payment_hash", settlement.payment_hash.hex()},
                   {"label", settlement.label},
                   {"amount_msat", settlement.amount.value()},
                   {"amount_received_msat", settlement.amount_received.value()},
                   {"settled_at", unix_seconds(settlement.settled_at)},
                   {"service", settlement.service},
                   {"description", settlement.description},
                   {"pay_index", settlement.pay_index}};
    if (settlement.deposit) out["deposit"] = true;
    return out;
}

Result<Settlement> parse_settlement(const bj::value& value) {
    json::Fields in(value, "settlement");
    Settlement out;
    out.payment_hash = in.hex<PaymentHash>("payment_hash");
    out.label = in.string("label");
    out.amount = in.msat("amount_msat");
    out.amount_received = in.msat("amount_received_msat");
    out.settled_at = in.time("settled_at");
    out.service = in.string("service");
    out.description = in.string("description");
    out.pay_index = in.u64("pay_index");
    out.deposit = in.optional_boolean("deposit").value_or(false);
    return finish(in, std::move(out));
}

bj::object to_json(const NodeFigures& figures) {
    bj::object out{{"blockheight", figures.blockheight},
                   {"peers", figures.peers},
                   {"active_channels", figures.active_channels},
                   {"spendable_msat", figures.spendable.value()},
                   {"receivable_msat", figures.receivable.value()}};
    if (figures.unpayable) out["unpayable"] = name(*figures.unpayable);
    return out;
}

Result<NodeFigures> parse_node_figures(const bj::value& value) {
    json::Fields in(value, "node");
    NodeFigures out;
    out.blockheight = static_cast<std::uint32_t>(in.u64("blockheight", UINT32_MAX));
    out.peers = static_cast<std::uint32_t>(in.u64("peers", UINT32_MAX));
    out.active_channels = static_cast<std::uint32_t>(in.u64("active_channels", UINT32_MAX));
    out.spendable = in.msat("spendable_msat");
    out.receivable = in.msat("receivable_msat");
    if (const auto word = in.optional_string("unpayable"))
        out.unpayable = *word == name(Unpayable::no_channels) ? Unpayable::no_channels : Unpayable::offline;
    return finish(in, std::move(out));
}

Result<std::uint64_t> parse_subscribe(const bj::value& value) {
    json::Fields in(value, "subscribe");
    const std::uint64_t next_pay_index = in.u64("next_pay_index");
    in.no_others();
    return finish(in, next_pay_index);
}

bj::object to_json(const RefundRequest& request) {
    bj::array deposits;
    for (const PaymentHash& hash : request.deposits) deposits.push_back(bj::string(hash.hex()));
    return {{"deposits", std::move(deposits)}, {"amount_msat", request.amount.value()}, {"invoice", request.invoice}};
}

Result<RefundRequest> parse_refund_request(const bj::value& value) {
    json::Fields in(value, "refund");
    RefundRequest out;
    for (const std::string& text : in.strings("deposits")) {
        const auto hash = PaymentHash::from_hex(text);
        if (!hash) {
            in.note(json::Errc::out_of_range, "deposits", "must be payment hashes, 64 hex digits each");
            break;
        }
        if (std::find(out.deposits.begin(), out.deposits.end(), *hash) != out.deposits.end()) {
            in.note(json::Errc::out_of_range, "deposits", "must be distinct");
            break;
        }
        out.deposits.push_back(*hash);
        if (out.deposits.size() > max_deposits) break;
    }
    if (out.deposits.empty() || out.deposits.size() > max_deposits) {
        in.note(json::Errc::out_of_range, "deposits",
                "must hold 1 to " + std::to_string(max_deposits) + " payment hashes");
    }
    out.amount = in.msat("amount_msat");
    if (out.amount == Msat{}) in.note(json::Errc::out_of_range, "amount_msat", "must be at least 1");
    out.invoice = in.string("invoice");
    if (out.invoice.empty() || out.invoice.size() > max_refund_invoice) {
        in.note(json::Errc::out_of_range, "invoice",
                "must be a BOLT 11 invoice of at most " + std::to_string(max_refund_invoice) + " bytes");
    }
    in.no_others();
    return finish(in, std::move(out));
}

bj::object to_json(const RefundReply& reply) {
    bj::object out{{"state", name(reply.state)}, {"amount_msat", reply.amount.value()}};
    if (reply.fee) out["fee_msat"] = reply.fee->value();
    if (reply.reason) out["reason"] = *reply.reason;
    return out;
}

Result<RefundReply> parse_refund_reply(const bj::value& value) {
    json::Fields in(value, "refund reply");
    RefundReply out;
    const std::string state = in.string("state");
    const auto known =
        std::find_if(refund_states.begin(), refund_states.end(), [&](const auto& one) { return one.second == state; });
    if (known == refund_states.end()) {
        in.note(json::Errc::out_of_range, "state", "must be pending, complete or failed");
    } else {
        out.state = known->first;
    }
    out.amount = in.msat("amount_msat");
    out.fee = in.optional_msat("fee_msat");
    if (out.state == RefundState::complete && !out.fee) in.note(json::Errc::missing, "fee_msat", {});
    out.reason = in.optional_string("reason");
    return finish(in, std::move(out));
}

std::string_view name(Unpayable why) {
    return word_for(unpayables, why);
}

std::string_view name(RefundState state) {
    return word_for(refund_states, state);
}

std::string_view name(RefundRefusal refusal) {
    return word_for(refund_refusals, refusal);
}

RpcError refuse_refund(RefundRefusal why, std::string_view detail) {
    return {static_cast<int>(RpcCode::refund_refused), std::string(name(why)).append(": ").append(detail)};
}

std::optional<RefundRefusal> refusal_of(const RpcError& error) {
    if (error.code != static_cast<int>(RpcCode::refund_refused)) return std::nullopt;
    const std::string_view word = std::string_view(error.message).substr(0, error.message.find(':'));
    for (const auto& [refusal, known] : refund_refusals) {
        if (known == word) return refusal;
    }
    return std::nullopt;
}

l402::KeyRing key_ring(const Keys& keys) {
    l402::KeyRing out;
    out.current = keys.current;
    for (const EpochKey& key : keys.epochs) out.keys.emplace(key.epoch, key.key);
    return out;
}

}  // namespace millrace::gateway
