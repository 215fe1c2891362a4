#include "common/payment/session_request.hpp"

#include <boost/json/parse.hpp>
#include <charconv>

#include "common/codec/base64.hpp"
#include "common/json/fields.hpp"
#include "common/money/msat.hpp"
#include "common/payment/canonical_json.hpp"

namespace millrace::payment {
namespace {

constexpr std::uint64_t max_sat = Msat::max_value / 1000;
constexpr std::uint64_t max_idle_seconds = 100ULL * 366 * 24 * 3600;

Error malformed(std::string_view why) {
    return fail(Errc::malformed_request, why);
}

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max) {
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{} || end != text.data() + text.size() || out == 0 || out > max) return std::nullopt;
    return out;
}

std::uint64_t number_of(json::Fields& in, std::string_view name, const std::string& text, std::uint64_t max) {
    const std::optional<std::uint64_t> number = parse_number(text, max);
    if (!number) in.note(json::Errc::out_of_range, name, "must be a whole number above zero, as text");
    return number.value_or(0);
}

}  // namespace

std::string encode(const SessionRequest& request) {
    boost::json::object document{{"amount", std::to_string(request.amount_sat)},
                                 {"currency", "sat"},
                                 {"paymentHash", request.payment_hash.hex()}};
    auto add = [&document](std::string_view name, const std::string& text) {
        if (!text.empty()) document[name] = text;
    };
    add("description", request.description);
    add("unitType", request.unit_type);
    add("externalId", request.external_id);
    add("depositInvoice", request.deposit_invoice);
    if (request.deposit_sat) document["depositAmount"] = std::to_string(*request.deposit_sat);
    if (request.idle_timeout) document["idleTimeout"] = std::to_string(request.idle_timeout->count());
    return codec::to_base64url(as_bytes(canonical_json(document)));
}

Result<SessionRequest> decode_session_request(std::string_view parameter) {
    const Result<Bytes> bytes = codec::from_base64url(parameter);
    if (!bytes) return malformed(bytes.error().message);
    boost::system::error_code bad_json;
    const boost::json::value document = boost::json::parse(as_text(*bytes), bad_json);
    if (bad_json) return malformed("not JSON");

    json::Fields in(document, "request");
    SessionRequest out;
    out.amount_sat = number_of(in, "amount", in.string("amount"), max_sat);
    if (in.string("currency") != "sat") in.note(json::Errc::out_of_range, "currency", "must be \"sat\"");
    out.description = in.optional_string("description").value_or("");
    out.unit_type = in.optional_string("unitType").value_or("");
    out.external_id = in.optional_string("externalId").value_or("");
    out.deposit_invoice = in.optional_string("depositInvoice").value_or("");
    out.payment_hash = in.hex<PaymentHash>("paymentHash");
    if (const auto text = in.optional_string("depositAmount"))
        out.deposit_sat = number_of(in, "depositAmount", *text, max_sat);
    if (const auto text = in.optional_string("idleTimeout"))
        out.idle_timeout = std::chrono::seconds(number_of(in, "idleTimeout", *text, max_idle_seconds));
    if (in.fault()) return malformed(in.fault()->message);
    return out;
}

}  // namespace millrace::payment
