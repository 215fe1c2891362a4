#pragma once

#include "common/result/error.hpp"

namespace millrace::codec {

enum class Errc {
    not_hex = 1,     // a character outside 0-9 a-f A-F, or an odd number of them
    wrong_length,    // decodes to another number of bytes than the type has
    not_base64,      // a character outside the alphabet, wrong padding, or non-zero trailing bits
    not_bech32,      // mixed case, a character outside the alphabet, or no separator
    bad_checksum,    // the bech32 checksum does not match
    truncated,       // the input ends inside a field
    not_minimal,     // a bigsize or a number is not in its shortest form
    not_ascending,   // TLV types are not strictly ascending
    trailing_bytes,  // input left over behind the last field
};

}  // namespace millrace::codec

namespace millrace {
template <>
struct ErrcText<codec::Errc> {
    static constexpr const char* domain = "millrace.codec";
    static const char* text(codec::Errc errc);
};
}  // namespace millrace
