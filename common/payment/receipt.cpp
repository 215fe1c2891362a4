#include "common/payment/receipt.hpp"

#include "common/codec/base64.hpp"
#include "common/payment/canonical_json.hpp"
#include "common/payment/timestamp.hpp"

namespace millrace::payment {

std::string receipt_value(const Receipt& receipt) {
    boost::json::object document{{"status", "success"},
                                 {"method", "lightning"},
                                 {"timestamp", write_timestamp(receipt.settled_at)},
                                 {"reference", receipt.payment_hash.hex()},
                                 {"challengeId", receipt.challenge_id}};
    if (receipt.refund) {
        document["refundSats"] = receipt.refund->sat;
        document["refundStatus"] = receipt.refund->status;
    }
    return codec::to_base64url(as_bytes(canonical_json(document)));
}

}  // namespace millrace::payment
