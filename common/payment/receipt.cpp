#include "common/payment/receipt.hpp"

#include "common/codec/base64.hpp"
#include "common/payment/canonical_json.hpp"
#include "common/payment/timestamp.hpp"

namespace millrace::payment {

std::string receipt_value(const Receipt& receipt) {
    const boost::json::object document{{"status", "success"},
                                       {"method", "lightning"},
                                       {"timestamp", write_timestamp(receipt.settled_at)},
                                       {"reference", receipt.payment_hash.hex()},
                                       {"challengeId", receipt.challenge_id}};
    return codec::to_base64url(as_bytes(canonical_json(document)));
}

}  // namespace millrace::payment
