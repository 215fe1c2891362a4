#include "contrib/client/payer.hpp"

#include <boost/json/array.hpp>

#include "common/bolt11/invoice.hpp"
#include "common/json/fields.hpp"

namespace millrace::client {

namespace asio = boost::asio;

namespace {

// xpay answers when its time is over, or soon after: then the outcome counts as unknown.
constexpr std::chrono::seconds answer_margin{30};

Result<Paid> read_paid(const boost::json::value& result) {
    json::Fields in(result, "xpay");
    const std::string preimage = in.string("payment_preimage");
    Paid paid;
    paid.sent = in.msat("amount_sent_msat");
    if (in.fault()) return *in.fault();
    auto parsed = Preimage::from_hex(preimage);
    if (!parsed) return fail(lightning::Errc::unexpected_reply, "xpay: payment_preimage is not 32 bytes of hex");
    paid.preimage = *parsed;
    return paid;
}

Result<Payments> read_payments(const boost::json::value& result) {
    json::Fields in(result, "listsendpays");
    const boost::json::array& rows = in.array("payments");
    if (in.fault()) return *in.fault();
    Payments payments;
    for (const boost::json::value& row : rows) {
        json::Fields part(row, "listsendpays payment");
        const std::string status = part.string("status");
        if (status == "pending") ++payments.pending;
        if (status == "failed") ++payments.failed;
        if (status == "complete") {
            auto preimage = Preimage::from_hex(part.string("payment_preimage"));
            if (!preimage)
                return fail(lightning::Errc::unexpected_reply, "listsendpays: payment_preimage is not 32 bytes of hex");
            payments.preimage = *preimage;
            payments.sent = payments.sent.plus(part.msat("amount_sent_msat")).value_or(payments.sent);
        }
        if (part.fault()) return *part.fault();
    }
    return payments;
}

}  // namespace

Payer::Payer(asio::any_io_executor executor, std::string socket_path)
    : rpc_(std::make_shared<lightning::RpcClient>(std::move(executor), std::move(socket_path), "millrace-get")) {}

asio::awaitable<Result<std::string>> Payer::currency() {
    boost::json::object none;
    auto info = co_await rpc_->call("getinfo", std::move(none));
    if (!info) co_return info.error();
    json::Fields in(*info, "getinfo");
    const std::string network = in.string("network");
    if (in.fault()) co_return *in.fault();
    co_return std::string(bolt11::currency_of_network(network));
}

asio::awaitable<PayOutcome> Payer::pay(Pending pending, Msat max_fee, std::chrono::seconds retry_for) {
    boost::json::object params;
    params["invstring"] = pending.bolt11;
    params["maxfee"] = max_fee.value();
    params["retry_for"] = retry_for.count();
    auto reply = co_await rpc_->exchange("xpay", std::move(params), retry_for + answer_margin);
    if (!reply) co_return PayOutcome(PayUnknown{reply.error().message});
    if (reply->refusal) {
        co_return PayOutcome(
            PayRefused{reply->refusal->message + " (code " + std::to_string(reply->refusal->code) + ")"});
    }
    auto paid = read_paid(reply->result);
    if (!paid) co_return PayOutcome(PayUnknown{paid.error().message});
    co_return PayOutcome(*paid);
}

asio::awaitable<Result<Payments>> Payer::payments(PaymentHash payment_hash) {
    boost::json::object params;
    params["payment_hash"] = payment_hash.hex();
    auto reply = co_await rpc_->call("listsendpays", std::move(params));
    if (!reply) co_return reply.error();
    co_return read_payments(*reply);
}

}  // namespace millrace::client
