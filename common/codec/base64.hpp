// Base 64 (RFC 4648 §4 and §5).
#pragma once

#include <string>
#include <string_view>

#include "common/codec/bytes.hpp"
#include "common/codec/codec_error.hpp"

namespace millrace::codec {

// Standard alphabet, padded.
[[nodiscard]] std::string to_base64(ByteView bytes);

// URL-safe alphabet, not padded.
[[nodiscard]] std::string to_base64url(ByteView bytes);

// Accepts either alphabet (not both in one text), padded or not, since clients in the wild send all four.
// Padding, where there is any, must be complete; trailing bits must be zero. Errors: not_base64.
[[nodiscard]] Result<Bytes> from_base64(std::string_view text);

// The URL-safe alphabet alone; otherwise as from_base64. Errors: not_base64.
[[nodiscard]] Result<Bytes> from_base64url(std::string_view text);

}  // namespace millrace::codec
