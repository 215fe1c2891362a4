// The operator's commands, one file per group. Each returns the table entries it adds to lightningd.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "common/lightning/rpc_client.hpp"
#include "plugin/gateway/server.hpp"
#include "plugin/host/command.hpp"
#include "plugin/host/plugin_host.hpp"
#include "plugin/host/world.hpp"
#include "plugin/invoicing/htlc_desk.hpp"
#include "plugin/invoicing/issuer.hpp"
#include "plugin/invoicing/key_store.hpp"
#include "plugin/invoicing/settlements.hpp"
#include "plugin/refunds/refunder.hpp"

namespace millrace::commands {

// What the commands work with. The pointers are there once `init` was answered, which is before any command arrives; `check`
// needs none of them.
struct Context {
    std::shared_ptr<lightning::RpcClient> rpc;
    std::unique_ptr<host::Readiness> ready;
    std::unique_ptr<invoicing::KeyStore> keys;
    std::unique_ptr<node::NodeWatch> node;
    std::unique_ptr<invoicing::Issuer> issuer;
    std::unique_ptr<invoicing::AcceptedLog> accepted;
    std::unique_ptr<invoicing::HtlcDesk> desk;
    std::unique_ptr<invoicing::Settlements> settlements;
    std::unique_ptr<refunds::Refunder> refunder;
    std::unique_ptr<gateway::Server> gateway;
    host::World world;
    const host::HookLatency* latency = nullptr;
};

[[nodiscard]] std::vector<host::Command> issue_commands(Context& context);
[[nodiscard]] std::vector<host::Command> verify_commands(Context& context);
[[nodiscard]] std::vector<host::Command> settlement_commands(Context& context);
[[nodiscard]] std::vector<host::Command> refund_commands(Context& context);
[[nodiscard]] std::vector<host::Command> key_commands(Context& context);
[[nodiscard]] std::vector<host::Command> status_commands(Context& context);

// millrace-status's result, which the gateway tells, too.
[[nodiscard]] boost::json::object status(const Context& context);

// Waits until the plugin has what it needs from lightningd; an error to answer with where that takes too long.
boost::asio::awaitable<std::optional<gateway::RpcError>> until_ready(Context& context);

// [start] [limit] of the commands that list: from which index, and how many at most.
struct Page {
    std::uint64_t start = 0;
    std::uint64_t limit = 100;
};
[[nodiscard]] Page read_page(host::Arguments& in);

[[nodiscard]] gateway::RpcError node_failed(const Error& error);

}  // namespace millrace::commands
