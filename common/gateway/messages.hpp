// The wire between millraced and the plugin: JSON-RPC 2.0 over the plugin's unix socket, one compact JSON object a line
// (LF). Times are unix seconds, amounts integer millisatoshi, hashes and keys lower-case hex.
//
//   client -> plugin                                              plugin -> client
//   hello     {protocol:1, client}                                {protocol, version, node_id, alias, network, blockheight}
//   issue     {amount_msat, service, description?, expiry?}       {payment_hash, bolt11, amount_msat, expires_at, token,
//                                                                  www_authenticate:[line, ...], warning_*?:text}
//                                                                 error 4024 while the node is unpayable
//   issue     {batch:[{amount_msat, ...}, ...]}  (at most 100)    {batch:[{result:{...}} | {error:{code, message}}, ...]}
//   issue     {..., deposit:true}  (in a batch, too)              {..., deposit:true}, without token and www_authenticate:
//                                                                  no token is minted for a deposit
//   refund    {deposits:[payment_hash, ...], amount_msat,         {state:"complete"|"pending"|"failed", amount_msat,
//              invoice}  (1 to 100 deposits, all distinct)         fee_msat? (once complete), reason? (when failed)}
//   keys      {}                                                  {current, epochs:[{epoch, key, created_at}]}   usable ones
//   subscribe {next_pay_index}                                    {next_pay_index}     then notifications:
//        settlement {settlement:{...}}  every one with pay_index >= next_pay_index, in order, none twice on a connection;
//                                       of a deposit: {..., deposit:true}
//        node       {node:{...}}        figures, at once and then on change; with `unpayable` where nobody can pay the node:
//                                       "no-channels" or "offline"; a word that is not known counts as "offline"
//        keys       {current, epochs}   after a rotation or a retirement
//   status    {}                                                  {millrace-status's result}
//
// refund pays out the unspent part of deposits, once: `invoice` is BOLT 11 and asks for no amount, for amount_msat, or for
// amount_msat rounded down to whole satoshi; the answer's amount_msat is what the invoice gets. Asked again with the same
// deposits, amount and invoice it answers how it stands, and pays nothing twice; one that failed is tried again by that, and
// its deposits may go into another refund as well. It answers within refund_patience, `pending` where the payment takes longer: ask again. What is
// not paid at all is error 4026, whose message begins with the word of a RefundRefusal and ": ". Any other error says nothing
// about whether a payment is under way: ask again.
//
// hello comes first; anything before it, and any unknown method, is an error (-32600, -32601). Own error codes: GatewayErrc.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/l402/token.hpp"
#include "common/money/msat.hpp"

namespace millrace::gateway {

enum class Errc {
    bad_message = 1,  // a member is missing, of the wrong type or out of range
};

constexpr int protocol_version = 1;
constexpr std::size_t max_line = 1024 * 1024;  // bytes of one message; longer ones end the connection
constexpr std::size_t max_batch = 100;
constexpr std::size_t max_deposits = 100;
constexpr std::size_t max_refund_invoice = 7089;  // bytes: what a QR code holds, and more than any wallet makes
constexpr std::chrono::seconds refund_patience{5};

// JSON-RPC error codes of the plugin's own block, shared by its commands and its socket.
enum class RpcCode : int {
    invalid_request = -32600,
    unknown_method = -32601,
    bad_params = -32602,
    rate_limited = 4020,    // more challenges per second than millrace-challenges-per-second
    node_failed = 4021,     // lightningd refused or did not answer
    unknown_epoch = 4022,   // no such key epoch, or it is retired already
    wrong_protocol = 4023,  // hello with a protocol version that is not spoken here
    not_ready = 4024,       // the plugin has not finished starting
    last_epoch = 4025,      // the current epoch cannot be retired: rotate first
    refund_refused = 4026,  // nothing is paid; the message begins with the word of a RefundRefusal
};

// Why a refund is refused: its word on the wire, and whether asking again later can help.
enum class RefundRefusal {
    off,               // "off"               the operator has not allowed refunds
    not_a_deposit,     // "not-a-deposit"     one of the hashes is no deposit that this node sold
    not_settled,       // "not-settled"       one of the deposits is not paid; later
    too_much,          // "too-much"          more than the deposits received
    already_refunded,  // "already-refunded"  one of the deposits is in another refund: other deposits, amount or invoice
    daily_limit,       // "daily-limit"       more than is left for today; later
    bad_invoice,  // "bad-invoice"       does not parse, of another network or amount, expired, our own; another one
};

struct RpcError {
    int code = 0;
    std::string message;
};

struct Hello {
    int protocol = protocol_version;
    std::string client;
};

struct HelloReply {
    int protocol = protocol_version;
    std::string version;
    std::string node_id;
    std::string alias;
    std::string network;
    std::uint32_t blockheight = 0;
};

struct IssueRequest {
    Msat amount;
    ServiceName service;
    std::optional<std::string> description;  // default: "L402: <service>"
    std::optional<std::chrono::seconds> expiry;
    bool deposit = false;  // of a session: what it received may be refunded
};

struct IssuedChallenge {
    PaymentHash payment_hash;
    std::string bolt11;
    Msat amount;
    std::chrono::sys_seconds expires_at;
    std::string token_base64;                   // empty for a deposit
    std::vector<std::string> www_authenticate;  // empty for a deposit
    bool deposit = false;
    // What keeps it from being paid, as `invoice` warns: {"warning_capacity", "Insufficient incoming ..."}.
    std::vector<std::pair<std::string, std::string>> warnings = {};
};

struct EpochKey {
    l402::KeyEpoch epoch = 0;
    SecretKey key;
    std::chrono::sys_seconds created_at;
};

struct Keys {
    l402::KeyEpoch current = 0;
    std::vector<EpochKey> epochs;  // those that verify; retired ones are left out
};

struct Settlement {
    PaymentHash payment_hash;
    std::string label;
    Msat amount;
    Msat amount_received;
    std::chrono::sys_seconds settled_at;
    std::string service;  // empty where the row's invoice does not tell
    std::string description;
    std::uint64_t pay_index = 0;
    bool deposit = false;
};

struct RefundRequest {
    std::vector<PaymentHash> deposits;
    Msat amount;
    std::string invoice;  // bolt11
};

enum class RefundState { pending, complete, failed };

struct RefundReply {
    RefundState state = RefundState::pending;
    Msat amount;
    std::optional<Msat> fee;            // once complete
    std::optional<std::string> reason;  // when failed; for people
};

// Why nobody can pay the node at all.
enum class Unpayable {
    no_channels,  // "no-channels"  it has none that is open
    offline,      // "offline"      none of its channels is connected: no peer is, --offline, `graceful`
};

struct NodeFigures {
    std::uint32_t blockheight = 0;
    std::uint32_t peers = 0;
    std::uint32_t active_channels = 0;
    Msat spendable;
    Msat receivable;
    std::optional<Unpayable> unpayable = {};  // empty where it can be paid, or is not known
};

// Each type: to_json writes it; the parse_ function reads it and says which member is missing or wrong, and what would be
// right. Unknown members are ignored in replies and notifications, refused in requests.
boost::json::object to_json(const Hello&);
boost::json::object to_json(const HelloReply&);
boost::json::object to_json(const IssueRequest&);
boost::json::object to_json(const IssuedChallenge&);
boost::json::object to_json(const Keys&);  // reveals the keys: for the socket only, never for a log
boost::json::object to_json(const Settlement&);
boost::json::object to_json(const NodeFigures&);
boost::json::object to_json(const RefundRequest&);
boost::json::object to_json(const RefundReply&);

[[nodiscard]] Result<Hello> parse_hello(const boost::json::value&);
[[nodiscard]] Result<HelloReply> parse_hello_reply(const boost::json::value&);
[[nodiscard]] Result<IssueRequest> parse_issue_request(const boost::json::value&);
[[nodiscard]] Result<IssuedChallenge> parse_issued_challenge(const boost::json::value&);
[[nodiscard]] Result<Keys> parse_keys(const boost::json::value&);
[[nodiscard]] Result<Settlement> parse_settlement(const boost::json::value&);
[[nodiscard]] Result<NodeFigures> parse_node_figures(const boost::json::value&);
[[nodiscard]] Result<std::uint64_t> parse_subscribe(const boost::json::value&);
[[nodiscard]] Result<RefundRequest> parse_refund_request(const boost::json::value&);
[[nodiscard]] Result<RefundReply> parse_refund_reply(const boost::json::value&);

[[nodiscard]] std::string_view name(Unpayable why);          // "no-channels"
[[nodiscard]] std::string_view name(RefundState state);      // "pending"
[[nodiscard]] std::string_view name(RefundRefusal refusal);  // "daily-limit"

// {refund_refused, "<word>: <detail>"}
[[nodiscard]] RpcError refuse_refund(RefundRefusal why, std::string_view detail);
// Of an error's message; empty where its code is another one, or the word unknown.
[[nodiscard]] std::optional<RefundRefusal> refusal_of(const RpcError& error);

[[nodiscard]] l402::KeyRing key_ring(const Keys&);

}  // namespace millrace::gateway

namespace millrace {
template <>
struct ErrcText<gateway::Errc> {
    static constexpr const char* domain = "millrace.gateway";
    static const char* text(gateway::Errc errc);
};
}  // namespace millrace
