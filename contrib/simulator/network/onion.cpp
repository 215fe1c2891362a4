#include "contrib/simulator/network/onion.hpp"

#include <algorithm>
#include <utility>

namespace millrace::sim {
namespace {

constexpr std::uint64_t type_amount = 2;
constexpr std::uint64_t type_cltv = 4;
constexpr std::uint64_t type_channel = 6;
constexpr std::uint64_t type_payment_data = 8;
constexpr std::uint64_t type_metadata = 16;

Bytes big_endian(std::uint64_t value) {
    Bytes out(8);
    for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
    return out;
}

}  // namespace

Bytes encode_payload(const HopPayload& payload) {
    codec::TlvStream stream = payload.extra;
    stream.push_back({type_amount, codec::encode_truncated_uint(payload.forward.value())});
    stream.push_back({type_cltv, codec::encode_truncated_uint(payload.outgoing_cltv)});
    if (payload.next) stream.push_back({type_channel, big_endian(payload.next->value())});
    if (payload.payment_data) {
        Bytes value = to_bytes(payload.payment_data->secret.view());
        const Bytes total = codec::encode_truncated_uint(payload.payment_data->total.value());
        value.insert(value.end(), total.begin(), total.end());
        stream.push_back({type_payment_data, std::move(value)});
    }
    if (payload.metadata) stream.push_back({type_metadata, *payload.metadata});
    std::sort(stream.begin(), stream.end(), [](const auto& left, const auto& right) { return left.type < right.type; });
    return codec::encode_tlv(stream);
}

std::optional<HopPayload> decode_payload(ByteView bytes, BadPayload& bad) {
    bad = {};
    Result<codec::TlvStream> stream = codec::decode_tlv(bytes);
    if (!stream) return std::nullopt;
    HopPayload out;
    bool amount = false;
    bool cltv = false;
    for (codec::TlvRecord& record : *stream) {
        bad.type = record.type;
        switch (record.type) {
            case type_amount: {
                const auto value = codec::decode_truncated_uint(record.value);
                if (!value) return std::nullopt;
                out.forward = Msat(*value);
                amount = true;
                break;
            }
            case type_cltv: {
                const auto value = codec::decode_truncated_uint(record.value);
                if (!value || *value > UINT32_MAX) return std::nullopt;
                out.outgoing_cltv = static_cast<std::uint32_t>(*value);
                cltv = true;
                break;
            }
            case type_channel: {
                if (record.value.size() != 8) return std::nullopt;
                std::uint64_t value = 0;
                for (const std::uint8_t byte : record.value) value = value << 8U | byte;
                out.next = ShortChannelId(value);
                break;
            }
            case type_payment_data: {
                if (record.value.size() < 32) return std::nullopt;
                const ByteView view(record.value);
                const auto total = codec::decode_truncated_uint(view.subspan(32));
                if (!total) return std::nullopt;
                out.payment_data = PaymentData{PaymentSecret::from_bytes(view.first(32)).value(), Msat(*total)};
                break;
            }
            case type_metadata:
                out.metadata = std::move(record.value);
                break;
            default:
                if (record.type % 2 == 0) return std::nullopt;
                out.extra.push_back(std::move(record));
        }
    }
    bad.type = !amount ? type_amount : type_cltv;
    if (!amount || !cltv) return std::nullopt;
    return out;
}

Bytes with_length(ByteView payload) {
    Bytes out;
    codec::append_bigsize(out, payload.size());
    out.insert(out.end(), payload.begin(), payload.end());
    return out;
}

}  // namespace millrace::sim
