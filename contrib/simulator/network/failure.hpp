// Why an HTLC came back (BOLT 4 §"Failure Messages"): u16be code, then what that code carries.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/codec/bytes.hpp"
#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"

namespace millrace::sim {

namespace failcode {
constexpr std::uint16_t temporary_node_failure = 0x2002;
constexpr std::uint16_t permanent_channel_failure = 0x4008;
constexpr std::uint16_t unknown_next_peer = 0x400a;
constexpr std::uint16_t incorrect_or_unknown_payment_details = 0x400f;
constexpr std::uint16_t invalid_onion_payload = 0x4016;
constexpr std::uint16_t temporary_channel_failure = 0x1007;
constexpr std::uint16_t amount_below_minimum = 0x100b;
constexpr std::uint16_t fee_insufficient = 0x100c;
constexpr std::uint16_t incorrect_cltv_expiry = 0x100d;
constexpr std::uint16_t expiry_too_soon = 0x100e;
constexpr std::uint16_t channel_disabled = 0x1014;
constexpr std::uint16_t final_incorrect_cltv_expiry = 0x0012;
constexpr std::uint16_t final_incorrect_htlc_amount = 0x0013;
constexpr std::uint16_t expiry_too_far = 0x0015;
constexpr std::uint16_t mpp_timeout = 0x0017;
}  // namespace failcode

struct Failure {
    Bytes message;
    // Which node of the route said so: 0 the sender itself, k the node behind the k-th channel.
    std::uint32_t erring_index = 0;
    // The message came wrapped in an onion that the sender cannot take apart (a hook's failure_onion).
    bool unreadable = false;

    // 0 for a message of less than two bytes.
    [[nodiscard]] std::uint16_t code() const;
};

// "WIRE_FEE_INSUFFICIENT"; "UNKNOWN" for a code that BOLT 4 does not list.
[[nodiscard]] std::string_view failcode_name(std::uint16_t code);

// BOLT 7 channel_update with a zero signature: what failures about a channel carry.
struct ChannelUpdate {
    ShortChannelId scid;
    int direction = 0;
    bool disabled = false;
    std::uint32_t timestamp = 0;
    std::uint16_t cltv_delta = 0;
    Msat htlc_minimum;
    Msat htlc_maximum;
    std::uint32_t fee_base_msat = 0;
    std::uint32_t fee_ppm = 0;
};
[[nodiscard]] Bytes encode(const ChannelUpdate& update);

[[nodiscard]] Bytes plain_failure(std::uint16_t code);
[[nodiscard]] Bytes unknown_details(Msat htlc_amount, std::uint32_t height);
[[nodiscard]] Bytes invalid_payload(std::uint64_t tlv_type, std::uint16_t offset);
[[nodiscard]] Bytes final_wrong_amount(Msat htlc_amount);
[[nodiscard]] Bytes final_wrong_cltv(std::uint32_t htlc_cltv);
// temporary_channel_failure, expiry_too_soon: only the update.
[[nodiscard]] Bytes channel_failure(std::uint16_t code, const ChannelUpdate& update);
// fee_insufficient, amount_below_minimum: the HTLC's amount, then the update.
[[nodiscard]] Bytes channel_failure(std::uint16_t code, Msat htlc_amount, const ChannelUpdate& update);
// incorrect_cltv_expiry: the outgoing cltv, then the update.
[[nodiscard]] Bytes channel_failure_cltv(std::uint32_t cltv, const ChannelUpdate& update);

}  // namespace millrace::sim
