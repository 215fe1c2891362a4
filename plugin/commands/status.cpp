// millrace-status
#include <boost/json/array.hpp>

#include "plugin/commands/commands.hpp"

namespace millrace::commands {
namespace {

namespace bj = boost::json;

double microseconds(std::chrono::nanoseconds duration) {
    return static_cast<double>(duration.count()) / 1000.0;
}

bj::object describe(const host::Histogram& histogram) {
    return {{"count", histogram.count()},
            {"p50", microseconds(histogram.quantile(0.50))},
            {"p99", microseconds(histogram.quantile(0.99))},
            {"max", microseconds(histogram.max())}};
}

bj::object describe_latency(const host::HookLatency& latency) {
    bj::object out = describe(latency.all);
    out["unit"] = "microseconds";
    out["passed"] = describe(latency.passed);
    out["ours"] = describe(latency.claimed);
    return out;
}

bj::object describe_challenges(const Context& context) {
    const invoicing::IssueCounters& issued = context.issuer->counters();
    const invoicing::AcceptCounters& accepted = context.desk->counters();
    bj::object refused;
    for (std::size_t i = 0; i < invoicing::refusal_count; ++i) {
        refused[invoicing::name(static_cast<invoicing::Refusal>(i))] = accepted.refused[i];
    }
    return {{"issued", issued.issued},
            {"rate_limited", issued.rate_limited},
            {"not_signed", issued.failed},
            {"accepted", accepted.accepted},
            {"refused", std::move(refused)}};
}

bj::object describe_node(const node::Identity& node, const gateway::NodeFigures& figures) {
    bj::object out{{"id", node.id},
                   {"alias", node.alias},
                   {"network", node.network},
                   {"version", node.version},
                   {"blockheight", figures.blockheight},
                   {"active_channels", figures.active_channels},
                   {"receivable_msat", figures.receivable.value()},
                   {"payable", !figures.unpayable.has_value()}};
    if (figures.unpayable) out["unpayable"] = gateway::name(*figures.unpayable);
    return out;
}

bj::object describe_gateway(const gateway::Server& server) {
    bj::array clients;
    for (const gateway::Server::Client& client : server.clients()) {
        clients.push_back(bj::object{{"client", client.name}, {"subscribed", client.subscribed}});
    }
    bj::object out{{"socket", server.path()}, {"listening", server.listening()}, {"clients", std::move(clients)}};
    if (server.trouble()) out["error"] = *server.trouble();
    return out;
}

bj::object describe_settlements(const invoicing::SettlementCounters& counters) {
    bj::object out{{"count", counters.settled}};
    if (counters.last_settled_at) {
        out["last_pay_index"] = counters.last_pay_index;
        out["last_settled_at"] = counters.last_settled_at->time_since_epoch().count();
    }
    return out;
}

bj::object describe_refunds(const refunds::Refunder& refunder) {
    std::uint64_t pending = 0;
    std::uint64_t complete = 0;
    std::uint64_t failed = 0;
    for (const auto& [index, refund] : refunder.ledger().all()) {
        switch (refund.state) {
            case gateway::RefundState::pending:
                ++pending;
                break;
            case gateway::RefundState::complete:
                ++complete;
                break;
            case gateway::RefundState::failed:
                ++failed;
                break;
        }
    }
    return {{"daily_limit_msat", refunder.limits().daily.value()},
            {"used_msat", refunder.used().value()},
            {"pending", pending},
            {"complete", complete},
            {"failed", failed}};
}

boost::asio::awaitable<host::CommandReply> answer(Context& context) {
    if (auto error = co_await until_ready(context)) co_return std::move(*error);
    co_return status(context);
}

}  // namespace

bj::object status(const Context& context) {
    return {{"version", MILLRACE_VERSION},
            {"node", describe_node(context.node->identity(), context.node->figures())},
            {"gateway", describe_gateway(*context.gateway)},
            {"challenges", describe_challenges(context)},
            {"hook_latency", describe_latency(*context.latency)},
            {"settlements", describe_settlements(context.settlements->counters())},
            {"refunds", describe_refunds(*context.refunder)},
            {"current_epoch", context.keys->epochs().current()}};
}

std::vector<host::Command> status_commands(Context& context) {
    return {{"millrace-status", {}, [&context](host::Arguments&) -> host::Prepared {
                 return host::Job([&context] { return answer(context); });
             }}};
}

}  // namespace millrace::commands
