// millrace-issue amount_msat [description] [expiry] [service]
#include <utility>

#include "plugin/commands/commands.hpp"

namespace millrace::commands {
namespace {

boost::asio::awaitable<host::CommandReply> issue(Context& context, gateway::IssueRequest request) {
    auto outcome = co_await context.issuer->issue(std::move(request));
    if (auto* error = std::get_if<gateway::RpcError>(&outcome)) co_return std::move(*error);
    co_return to_json(std::get<gateway::IssuedChallenge>(outcome));
}

host::Prepared prepare(Context& context, host::Arguments& in) {
    const std::string service_name = in.has("service") ? in.text("service") : "default";
    const auto service = ServiceName::parse(service_name);
    if (!service) {
        in.refuse("service", "should be 1 to 21 of a-z 0-9 . _ -");
        return *in.fault();
    }
    gateway::IssueRequest request{in.msat("amount_msat"), *service, std::nullopt, std::nullopt};
    if (in.has("description")) request.description = in.text("description");
    if (in.has("expiry")) request.expiry = std::chrono::seconds(in.u64("expiry", 0, UINT32_MAX));
    if (in.fault()) return *in.fault();
    if (auto fault = invoicing::fault_of(request)) return std::move(*fault);
    return host::Job([&context, request] { return issue(context, request); });
}

}  // namespace

std::vector<host::Command> issue_commands(Context& context) {
    return {{"millrace-issue",
             {{"amount_msat", true}, {"description"}, {"expiry"}, {"service"}},
             [&context](host::Arguments& in) { return prepare(context, in); }}};
}

}  // namespace millrace::commands
