// Base 16 (RFC 4648 §8): lower case out, either case in.
#pragma once

#include <string>
#include <string_view>

#include "common/codec/bytes.hpp"
#include "common/codec/codec_error.hpp"

namespace millrace::codec {

[[nodiscard]] std::string to_hex(ByteView bytes);

// Errors: not_hex.
[[nodiscard]] Result<Bytes> from_hex(std::string_view text);

// Decodes into exactly out.size() bytes. Errors: not_hex, wrong_length; `out` is then unspecified.
[[nodiscard]] Result<void> from_hex(std::string_view text, std::span<std::uint8_t> out);

}  // namespace millrace::codec
