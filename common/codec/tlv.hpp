// TLV streams (BOLT 1 §"Type-Length-Value Format"):
//
//   stream := record*              types strictly ascending
//   record := bigsize type, bigsize length, byte[length]
//   bigsize := u8 | fd u16be | fe u32be | ff u64be    shortest form only
#pragma once

#include <optional>
#include <vector>

#include "common/codec/bytes.hpp"
#include "common/codec/codec_error.hpp"

namespace millrace::codec {

struct TlvRecord {
    std::uint64_t type;
    Bytes value;
};

using TlvStream = std::vector<TlvRecord>;

void append_bigsize(Bytes& out, std::uint64_t value);

// Reads one bigsize off the front of `in`. Errors: truncated, not_minimal.
[[nodiscard]] Result<std::uint64_t> read_bigsize(ByteView& in);

// Errors: truncated, not_minimal, not_ascending.
[[nodiscard]] Result<TlvStream> decode_tlv(ByteView in);

// `stream` must be ascending.
[[nodiscard]] Bytes encode_tlv(const TlvStream& stream);

// Big-endian integer without leading zero bytes (BOLT 1 tu16/tu32/tu64). Errors: wrong_length, not_minimal.
[[nodiscard]] Result<std::uint64_t> decode_truncated_uint(ByteView value);
[[nodiscard]] Bytes encode_truncated_uint(std::uint64_t value);

}  // namespace millrace::codec
