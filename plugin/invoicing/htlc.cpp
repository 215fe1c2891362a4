#include "plugin/invoicing/htlc.hpp"

#include <algorithm>

#include "common/json/fields.hpp"

namespace millrace::invoicing {

Result<HtlcFacts> parse_htlc(const boost::json::value& params) {
    json::Fields call(params, "htlc_accepted");
    const boost::json::value onion_value(call.object("onion"));
    const boost::json::value htlc_value(call.object("htlc"));
    if (call.fault()) return *call.fault();

    HtlcFacts facts;
    json::Fields onion(onion_value, "htlc_accepted: onion");
    facts.payment_secret = onion.hex<PaymentSecret>("payment_secret");
    facts.total = onion.msat("total_msat");
    const std::string payload = onion.string("payload");
    if (onion.fault()) return *onion.fault();

    json::Fields htlc(htlc_value, "htlc_accepted: htlc");
    facts.payment_hash = htlc.hex<PaymentHash>("payment_hash");
    facts.amount = htlc.msat("amount_msat");
    const auto cltv_expiry = static_cast<std::int64_t>(htlc.u64("cltv_expiry", UINT32_MAX));
    // May be negative; clamped, since a conversion of what does not fit is undefined.
    constexpr double most_blocks = UINT32_MAX;
    facts.cltv_expiry_relative =
        static_cast<std::int64_t>(std::clamp(htlc.number("cltv_expiry_relative"), -most_blocks, most_blocks));
    if (htlc.fault()) return *htlc.fault();
    facts.blockheight =
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(cltv_expiry - facts.cltv_expiry_relative, 0, UINT32_MAX));

    auto bytes = codec::from_hex(payload);
    if (!bytes) return bytes.error();
    facts.payload = std::move(*bytes);
    return facts;
}

}  // namespace millrace::invoicing
