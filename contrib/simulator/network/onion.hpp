// What a payment's sender tells each node on the way (BOLT 4 §"tlv_payload"), readable, without the layers of
// encryption.
//
//   payload := tlv_stream     2 amt_to_forward tu64, 4 outgoing_cltv_value tu32, 6 short_channel_id u64,
//                             8 payment_data: secret[32] total_msat tu64, 16 payment_metadata
//
// Field 6 is there on the way and absent for the last node.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/codec/tlv.hpp"
#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"

namespace millrace::sim {

struct PaymentData {
    PaymentSecret secret;
    Msat total;  // of all parts
};

struct HopPayload {
    Msat forward;  // to send on, or for the last node to receive
    std::uint32_t outgoing_cltv = 0;
    std::optional<ShortChannelId> next;  // empty: the last node
    std::optional<PaymentData> payment_data;
    std::optional<Bytes> metadata;
    codec::TlvStream extra;  // every other record, ascending
};

// hops[k] is for the node at the far end of the route's k-th channel.
struct Onion {
    std::vector<HopPayload> hops;
};
using OnionPtr = std::shared_ptr<const Onion>;

// Ascending TLV without a length in front.
[[nodiscard]] Bytes encode_payload(const HopPayload& payload);

// Where a payload cannot be understood: the TLV type at fault, as invalid_onion_payload reports it.
struct BadPayload {
    std::uint64_t type = 0;
};

// Errors (through `bad`): not TLV, a known field of a wrong length, 2 or 4 missing, an unknown even type.
[[nodiscard]] std::optional<HopPayload> decode_payload(ByteView bytes, BadPayload& bad);

// `payload` with its length as a bigsize in front: how lightningd shows it to hooks.
[[nodiscard]] Bytes with_length(ByteView payload);

}  // namespace millrace::sim
