// TLV streams, BigSize and truncated integers: there is one encoding of each value, so that what is read is written
// back byte for byte.
#include "common/codec/tlv.hpp"

#include "tests/fuzz/fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace millrace;
    const ByteView bytes(data, size);
    if (const Result<codec::TlvStream> stream = codec::decode_tlv(bytes)) {
        for (std::size_t i = 1; i < stream->size(); ++i) FUZZ_REQUIRE((*stream)[i - 1].type < (*stream)[i].type);
        FUZZ_REQUIRE(codec::encode_tlv(*stream) == to_bytes(bytes));
    }
    ByteView rest = bytes;
    if (const Result<std::uint64_t> number = codec::read_bigsize(rest)) {
        Bytes written;
        codec::append_bigsize(written, *number);
        FUZZ_REQUIRE(written == to_bytes(bytes.first(size - rest.size())));
    }
    if (const Result<std::uint64_t> number = codec::decode_truncated_uint(bytes)) {
        FUZZ_REQUIRE(codec::encode_truncated_uint(*number) == to_bytes(bytes));
    }
    return 0;
}
