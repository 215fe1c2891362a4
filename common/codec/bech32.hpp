// Bech32 as BOLT 11 uses it (BIP 173 checksum, no length limit): hrp "1" data checksum[6].
#pragma once

#include <string>
#include <string_view>

#include "common/codec/bytes.hpp"
#include "common/codec/codec_error.hpp"

namespace millrace::codec {

struct Bech32 {
    std::string hrp;  // lower case
    Bytes words;      // 5-bit groups, checksum removed
};

// All upper or all lower case. Errors: not_bech32, bad_checksum.
[[nodiscard]] Result<Bech32> decode_bech32(std::string_view text);

// `words` are 5-bit groups (each < 32).
[[nodiscard]] std::string encode_bech32(std::string_view hrp, ByteView words);

// 8-bit bytes to 5-bit groups, the last one padded with zero bits.
[[nodiscard]] Bytes to_words(ByteView bytes);

// 5-bit groups to whole bytes. Fewer than 5 bits may be left over and must be zero. Errors: trailing_bytes.
[[nodiscard]] Result<Bytes> from_words(ByteView words);

}  // namespace millrace::codec
