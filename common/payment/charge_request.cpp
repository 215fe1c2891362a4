#include "common/payment/charge_request.hpp"

#include <boost/json/parse.hpp>
#include <charconv>

#include "common/codec/base64.hpp"
#include "common/json/fields.hpp"
#include "common/payment/canonical_json.hpp"

namespace millrace::payment {
namespace {

struct NetworkName {
    Network network;
    std::string_view name;
    std::string_view lightningd;
    std::string_view currency;
};

constexpr NetworkName networks[] = {
    {Network::mainnet, "mainnet", "bitcoin", "bc"},   {Network::testnet, "testnet", "testnet", "tb"},
    {Network::testnet, "testnet", "testnet4", "tb"},  {Network::signet, "signet", "signet", "tbs"},
    {Network::regtest, "regtest", "regtest", "bcrt"},
};

Error malformed(std::string_view why) {
    return fail(Errc::malformed_request, why);
}

std::optional<std::uint64_t> parse_amount(std::string_view text) {
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{} || end != text.data() + text.size() || out == 0 || out > Msat::max_value / 1000)
        return std::nullopt;
    return out;
}

}  // namespace

std::string_view name(Network network) {
    for (const NetworkName& entry : networks) {
        if (entry.network == network) return entry.name;
    }
    return "unknown";
}

std::optional<Network> network_of_node(std::string_view lightningd_name) {
    for (const NetworkName& entry : networks) {
        if (entry.lightningd == lightningd_name) return entry.network;
    }
    return std::nullopt;
}

std::optional<Network> network_of_invoice(std::string_view currency) {
    for (const NetworkName& entry : networks) {
        if (entry.currency == currency) return entry.network;
    }
    return std::nullopt;
}

std::string encode(const ChargeRequest& request) {
    boost::json::object details{{"invoice", request.invoice}};
    if (request.payment_hash) details["paymentHash"] = request.payment_hash->hex();
    if (request.network) details["network"] = *request.network;
    boost::json::object document{
        {"amount", std::to_string(request.amount_sat)}, {"currency", "sat"}, {"methodDetails", std::move(details)}};
    if (!request.description.empty()) document["description"] = request.description;
    if (!request.external_id.empty()) document["externalId"] = request.external_id;
    return codec::to_base64url(as_bytes(canonical_json(document)));
}

Result<ChargeRequest> decode_charge_request(std::string_view parameter) {
    const Result<Bytes> bytes = codec::from_base64url(parameter);
    if (!bytes) return malformed(bytes.error().message);
    boost::system::error_code bad_json;
    const boost::json::value document = boost::json::parse(as_text(*bytes), bad_json);
    if (bad_json) return malformed("not JSON");

    json::Fields in(document, "request");
    ChargeRequest out;
    const std::optional<std::uint64_t> amount = parse_amount(in.string("amount"));
    if (!amount) in.note(json::Errc::out_of_range, "amount", "must be a whole number of satoshi, as text");
    if (in.string("currency") != "sat") in.note(json::Errc::out_of_range, "currency", "must be \"sat\"");
    out.description = in.optional_string("description").value_or("");
    out.external_id = in.optional_string("externalId").value_or("");
    const boost::json::value details_value(in.object("methodDetails"));
    if (in.fault()) return malformed(in.fault()->message);
    out.amount_sat = *amount;

    json::Fields details(details_value, "methodDetails");
    out.invoice = details.string("invoice");
    if (details.has("paymentHash")) out.payment_hash = details.hex<PaymentHash>("paymentHash");
    out.network = details.optional_string("network");
    if (details.fault()) return malformed(details.fault()->message);
    return out;
}

}  // namespace millrace::payment
