// What the acceptor must know of an HTLC, read from an `htlc_accepted` call (doc/schemas/hook/htlc_accepted.json).
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"
#include "common/result/error.hpp"

namespace millrace::invoicing {

struct HtlcFacts {
    PaymentHash payment_hash;
    PaymentSecret payment_secret;
    Msat total;                           // of the whole payment, as the onion says
    Msat amount;                          // of this HTLC
    std::int64_t cltv_expiry_relative{};  // blocks until the HTLC must be settled or failed; may be negative
    std::uint32_t blockheight = 0;        // as lightningd saw it when it called
    Bytes payload;                        // TLV stream with its length in front
};

// `params` of a call whose onion has a payment_secret. Errors: json::Errc, codec::Errc.
[[nodiscard]] Result<HtlcFacts> parse_htlc(const boost::json::value& params);

}  // namespace millrace::invoicing
