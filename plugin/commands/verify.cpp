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

struct Settled {
    std::chrono::sys_seconds at;
    Msat amount;  // of the invoice
};

// What the node's own records say of the payment; empty where they do not say that it was made.
Result<std::optional<Settled>> find_settled(const bj::value& listed, const PaymentHash& hash) {
    json::Fields in(listed, "listinvoices");
    for (const bj::value& row : in.array("invoices")) {
        json::Fields fields(row, "invoice");
        const bool paid = fields.string("label") == invoicing::invoice_label(hash, invoicing::Kind::sale) &&
                          fields.string("status") == "paid";
        if (paid) {
            Settled out{fields.time("paid_at"), fields.msat("amount_msat")};
            if (fields.fault()) return *fields.fault();
            return std::optional(out);
        }
    }
    if (in.fault()) return *in.fault();
    return std::optional<Settled>{};
}

// What is left of the token for the service, by what it says and by what was paid. What the service sells is not known here.
bj::object describe(const std::string& service, const l402::Claim& claim, const l402::Payment& payment) {
    const l402::Grant grant = claim.grant(payment);
    const l402::Limits& limits = grant.limits;
    bj::object out{{"service", service}, {"tier", grant.tier}};
    if (limits.lowest_tier() < grant.tier) out["lowered_to_tier"] = limits.lowest_tier();
    if (claim.says_what_was_paid() || payment.amount) {
        out["max_price_msat"] = limits.price().most()->value();
        out["credit_msat"] = limits.credit().most()->value();
    }
    if (limits.route()) out["route"] = host::to_utf8(*limits.route());
    if (limits.until().most()) out["valid_until"] = limits.until().most()->time_since_epoch().count();
    if (limits.capabilities()) {
        bj::array names;
        for (const std::string& one : *limits.capabilities()) names.emplace_back(host::to_utf8(one));
        out["capabilities"] = std::move(names);
    }
    return out;
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
    const auto settled = find_settled(*listed, hash);
    if (!settled) co_return node_failed(settled.error());

    bj::array caveats;
    for (const macaroon::Caveat& caveat : credential.macaroon.caveats)
        caveats.emplace_back(host::to_utf8(caveat.text()));
    bj::object out{{"valid", !refusal.has_value()}};
    if (refusal) out["reason"] = l402::name(*refusal);
    out["token_id"] = credential.identifier.token_id.hex();
    out["payment_hash"] = hash.hex();
    out["caveats"] = std::move(caveats);
    out["settled"] = settled->has_value();
    l402::Payment payment;
    if (*settled) {
        out["settled_at"] = (*settled)->at.time_since_epoch().count();
        payment.amount = (*settled)->amount;
    }
    const std::vector<std::string> named = l402::services_of(credential.macaroon);
    if (!service && named.size() == 1) service = named.front();
    if (!refusal && service) out["grant"] = describe(*service, l402::Claim(credential.macaroon, *service), payment);
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
    return host::Job(
        [&context, credential = std::move(*credential), service] { return verify(context, credential, service); });
}

}  // namespace

std::vector<host::Command> verify_commands(Context& context) {
    return {{"millrace-verify", {{"authorization", true}, {"service"}}, [&context](host::Arguments& in) {
                 return prepare(context, in);
             }}};
}

}  // namespace millrace::commands
