// millrace-verify authorization [service]
#include <boost/json/array.hpp>
#include <utility>

#include "common/json/fields.hpp"
#include "common/l402/credential.hpp"
#include "common/l402/token.hpp"
#include "plugin/commands/commands.hpp"
#include "plugin/host/utf8.hpp"
#include "plugin/invoicing/label.hpp"

namespace millrace::commands {
namespace {

namespace bj = boost::json;

// When the node was paid, by its own records; empty where they do not say so.
Result<std::optional<std::chrono::sys_seconds>> settled_at(const bj::value& listed, const PaymentHash& hash) {
    json::Fields in(listed, "listinvoices");
    for (const bj::value& row : in.array("invoices")) {
        json::Fields fields(row, "invoice");
        const bool paid = fields.string("label") == invoicing::invoice_label(hash, invoicing::Kind::sale) && fields.string("status") == "paid";
        if (paid) {
            const auto when = fields.time("paid_at");
            if (fields.fault()) return *fields.fault();
            return std::optional(when);
        }
    }
    if (in.fault()) return *in.fault();
    return std::optional<std::chrono::sys_seconds>{};
}

boost::asio::awaitable<host::CommandReply> verify(Context& context, l402::Credential credential,
                                                  std::optional<std::string> service) {
    if (auto error = co_await until_ready(context)) co_return std::move(*error);
    const auto now = context.world.now();
    const auto refusal = service ? l402::verify(credential, context.keys->ring(), *service, now)
                                 : l402::verify_any_service(credential, context.keys->ring(), now);
    const PaymentHash hash = credential.identifier.payment_hash;
    bj::object params{{"payment_hash", hash.hex()}};
    const auto listed = co_await context.rpc->call("listinvoices", std::move(params));
    if (!listed) co_return node_failed(listed.error());
    const auto settled = settled_at(*listed, hash);
    if (!settled) co_return node_failed(settled.error());

    bj::array caveats;
    for (const macaroon::Caveat& caveat : credential.macaroon.caveats) caveats.emplace_back(host::to_utf8(caveat.text()));
    bj::object out{{"valid", !refusal.has_value()}};
    if (refusal) out["reason"] = l402::name(*refusal);
    out["token_id"] = credential.identifier.token_id.hex();
    out["payment_hash"] = hash.hex();
    out["caveats"] = std::move(caveats);
    out["settled"] = settled->has_value();
    if (*settled) out["settled_at"] = (*settled)->time_since_epoch().count();
    co_return out;
}

host::Prepared prepare(Context& context, host::Arguments& in) {
    const std::string authorization = in.text("authorization");
    std::optional<std::string> service;
    if (in.has("service")) {
        service = in.text("service");
        if (!ServiceName::parse(*service)) in.refuse("service", "should be 1 to 21 of a-z 0-9 . _ -");
    }
    if (in.fault()) return *in.fault();
    auto credential = l402::parse_authorization(authorization);
    if (!credential) {
        // The value is a bearer secret: it is not repeated.
        in.refuse("authorization", credential.error().message, false);
        return *in.fault();
    }
    return host::Job([&context, credential = std::move(*credential), service] { return verify(context, credential, service); });
}

}  // namespace

std::vector<host::Command> verify_commands(Context& context) {
    return {{"millrace-verify",
             {{"authorization", true}, {"service"}},
             [&context](host::Arguments& in) { return prepare(context, in); }}};
}

}  // namespace millrace::commands
