#include "contrib/simulator/network/failure.hpp"

#include "common/codec/tlv.hpp"

namespace millrace::sim {
namespace {

void append(Bytes& out, std::uint64_t value, std::size_t width) {
    for (std::size_t i = width; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void append_with_size(Bytes& out, const Bytes& bytes) {
    append(out, bytes.size(), 2);
    out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

std::uint16_t Failure::code() const {
    if (message.size() < 2) return 0;
    return static_cast<std::uint16_t>(message[0] << 8U | message[1]);
}

std::string_view failcode_name(std::uint16_t code) {
    switch (code) {
        case failcode::temporary_node_failure:
            return "WIRE_TEMPORARY_NODE_FAILURE";
        case 0x6002:
            return "WIRE_PERMANENT_NODE_FAILURE";
        case 0x6003:
            return "WIRE_REQUIRED_NODE_FEATURE_MISSING";
        case 0xc004:
            return "WIRE_INVALID_ONION_VERSION";
        case 0xc005:
            return "WIRE_INVALID_ONION_HMAC";
        case 0xc006:
            return "WIRE_INVALID_ONION_KEY";
        case failcode::temporary_channel_failure:
            return "WIRE_TEMPORARY_CHANNEL_FAILURE";
        case failcode::permanent_channel_failure:
            return "WIRE_PERMANENT_CHANNEL_FAILURE";
        case 0x4009:
            return "WIRE_REQUIRED_CHANNEL_FEATURE_MISSING";
        case failcode::unknown_next_peer:
            return "WIRE_UNKNOWN_NEXT_PEER";
        case failcode::amount_below_minimum:
            return "WIRE_AMOUNT_BELOW_MINIMUM";
        case failcode::fee_insufficient:
            return "WIRE_FEE_INSUFFICIENT";
        case failcode::incorrect_cltv_expiry:
            return "WIRE_INCORRECT_CLTV_EXPIRY";
        case failcode::expiry_too_soon:
            return "WIRE_EXPIRY_TOO_SOON";
        case failcode::incorrect_or_unknown_payment_details:
            return "WIRE_INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS";
        case failcode::final_incorrect_cltv_expiry:
            return "WIRE_FINAL_INCORRECT_CLTV_EXPIRY";
        case failcode::final_incorrect_htlc_amount:
            return "WIRE_FINAL_INCORRECT_HTLC_AMOUNT";
        case failcode::channel_disabled:
            return "WIRE_CHANNEL_DISABLED";
        case failcode::expiry_too_far:
            return "WIRE_EXPIRY_TOO_FAR";
        case failcode::invalid_onion_payload:
            return "WIRE_INVALID_ONION_PAYLOAD";
        case failcode::mpp_timeout:
            return "WIRE_MPP_TIMEOUT";
        default:
            return "UNKNOWN";
    }
}

Bytes encode(const ChannelUpdate& update) {
    Bytes out;
    out.reserve(138);
    append(out, 258, 2);
    out.resize(out.size() + 64 + 32);  // signature, chain hash
    append(out, update.scid.value(), 8);
    append(out, update.timestamp, 4);
    append(out, 1, 1);  // message_flags: must_be_one
    append(out, static_cast<std::uint64_t>(update.direction) | (update.disabled ? 2U : 0U), 1);
    append(out, update.cltv_delta, 2);
    append(out, update.htlc_minimum.value(), 8);
    append(out, update.fee_base_msat, 4);
    append(out, update.fee_ppm, 4);
    append(out, update.htlc_maximum.value(), 8);
    return out;
}

Bytes plain_failure(std::uint16_t code) {
    Bytes out;
    append(out, code, 2);
    return out;
}

Bytes unknown_details(Msat htlc_amount, std::uint32_t height) {
    Bytes out = plain_failure(failcode::incorrect_or_unknown_payment_details);
    append(out, htlc_amount.value(), 8);
    append(out, height, 4);
    return out;
}

Bytes invalid_payload(std::uint64_t tlv_type, std::uint16_t offset) {
    Bytes out = plain_failure(failcode::invalid_onion_payload);
    codec::append_bigsize(out, tlv_type);
    append(out, offset, 2);
    return out;
}

Bytes final_wrong_amount(Msat htlc_amount) {
    Bytes out = plain_failure(failcode::final_incorrect_htlc_amount);
    append(out, htlc_amount.value(), 8);
    return out;
}

Bytes final_wrong_cltv(std::uint32_t htlc_cltv) {
    Bytes out = plain_failure(failcode::final_incorrect_cltv_expiry);
    append(out, htlc_cltv, 4);
    return out;
}

Bytes channel_failure(std::uint16_t code, const ChannelUpdate& update) {
    Bytes out = plain_failure(code);
    append_with_size(out, encode(update));
    return out;
}

Bytes channel_failure(std::uint16_t code, Msat htlc_amount, const ChannelUpdate& update) {
    Bytes out = plain_failure(code);
    append(out, htlc_amount.value(), 8);
    append_with_size(out, encode(update));
    return out;
}

Bytes channel_failure_cltv(std::uint32_t cltv, const ChannelUpdate& update) {
    Bytes out = plain_failure(failcode::incorrect_cltv_expiry);
    append(out, cltv, 4);
    append_with_size(out, encode(update));
    return out;
}

}  // namespace millrace::sim
