// The wire between millraced and the plugin: JSON-RPC 2.0 over the plugin's unix socket, one compact JSON object a line
// (LF). Times are unix seconds, amounts integer millisatoshi, hashes and keys lower-case hex.
//
//   client -> plugin                                              plugin -> client
//   hello     {protocol:1, client}                                {protocol, version, node_id, alias, network, blockheight}
//   issue     {amount_msat, service, description?, expiry?}       {payment_hash, bolt11, amount_msat, expires_at, token,
//                                                                  www_authenticate:[line, ...]}
//   issue     {batch:[{amount_msat, ...}, ...]}  (at most 100)    {batch:[{result:{...}} | {error:{code, message}}, ...]}
//   keys      {}                                                  {current, epochs:[{epoch, key, created_at}]}   usable ones
//   subscribe {next_pay_index}                                    {next_pay_index}     then notifications:
//        settlement {settlement:{...}}  every one with pay_index >= next_pay_index, in order, none twice on a connection
//        node       {node:{...}}        figures, at once and then on change
//        keys       {current, epochs}   after a rotation or a retirement
//   status    {}                                                  {millrace-status's result}
//
// hello comes first; anything before it, and any unknown method, is an error (-32600, -32601). Own error codes: GatewayErrc.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
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

// JSON-RPC error codes of the plugin's own block, shared by its commands and its socket.
enum class RpcCode : int {
    invalid_request = -32600,
    unknown_method = -32601,
    bad_params = -32602,
    rate_limited = 4020,      // more challenges per second than millrace-challenges-per-second
    node_failed = 4021,       // lightningd refused or did not answer
    unknown_epoch = 4022,     // no such key epoch, or it is retired already
    wrong_protocol = 4023,    // hello with a protocol version that is not spoken here
    not_ready = 4024,         // the plugin has not finished starting
    last_epoch = 4025,        // the current epoch cannot be retired: rotate first
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
};

struct IssuedChallenge {
    PaymentHash payment_hash;
    std::string bolt11;
    Msat amount;
    std::chrono::sys_seconds expires_at;
    std::string token_base64;
    std::vector<std::string> www_authenticate;
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
};

struct NodeFigures {
    std::uint32_t blockheight = 0;
    std::uint32_t peers = 0;
    std::uint32_t active_channels = 0;
    Msat spendable;
    Msat receivable;
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

[[nodiscard]] Result<Hello> parse_hello(const boost::json::value&);
[[nodiscard]] Result<HelloReply> parse_hello_reply(const boost::json::value&);
[[nodiscard]] Result<IssueRequest> parse_issue_request(const boost::json::value&);
[[nodiscard]] Result<IssuedChallenge> parse_issued_challenge(const boost::json::value&);
[[nodiscard]] Result<Keys> parse_keys(const boost::json::value&);
[[nodiscard]] Result<Settlement> parse_settlement(const boost::json::value&);
[[nodiscard]] Result<NodeFigures> parse_node_figures(const boost::json::value&);
[[nodiscard]] Result<std::uint64_t> parse_subscribe(const boost::json::value&);

[[nodiscard]] l402::KeyRing key_ring(const Keys&);

}  // namespace millrace::gateway

namespace millrace {
template <>
struct ErrcText<gateway::Errc> {
    static constexpr const char* domain = "millrace.gateway";
    static const char* text(gateway::Errc errc);
};
}  // namespace millrace
