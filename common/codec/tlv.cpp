#include "common/codec/tlv.hpp"

namespace millrace::codec {
namespace {

void append_big_endian(Bytes& out, std::uint64_t value, unsigned bytes) {
    for (unsigned i = bytes; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}

}  // namespace

void append_bigsize(Bytes& out, std::uint64_t value) {
    if (value < 0xfd) {
        out.push_back(static_cast<std::uint8_t>(value));
    } else if (value <= 0xffff) {
        out.push_back(0xfd);
        append_big_endian(out, value, 2);
    } else if (value <= 0xffffffff) {
        out.push_back(0xfe);
        append_big_endian(out, value, 4);
    } else {
        out.push_back(0xff);
        append_big_endian(out, value, 8);
    }
}

Result<std::uint64_t> read_bigsize(ByteView& in) {
    if (in.empty()) return fail(Errc::truncated, "bigsize");
    const std::uint8_t first = in.front();
    in = in.subspan(1);
    if (first < 0xfd) return first;

    const std::size_t length = first == 0xfd ? 2 : first == 0xfe ? 4 : 8;
    if (in.size() < length) return fail(Errc::truncated, "bigsize");
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < length; ++i) value = value << 8U | in[i];
    in = in.subspan(length);

    const std::uint64_t least = first == 0xfd ? 0xfd : first == 0xfe ? 0x10000 : 0x100000000;
    if (value < least) return fail(Errc::not_minimal, "bigsize");
    return value;
}

Result<TlvStream> decode_tlv(ByteView in) {
    TlvStream out;
    while (!in.empty()) {
        const Result<std::uint64_t> type = read_bigsize(in);
        if (!type) return type.error();
        if (!out.empty() && *type <= out.back().type) return fail(Errc::not_ascending, "type " + std::to_string(*type));
        const Result<std::uint64_t> length = read_bigsize(in);
        if (!length) return length.error();
        if (*length > in.size()) return fail(Errc::truncated, "type " + std::to_string(*type));
        out.push_back({*type, to_bytes(in.first(static_cast<std::size_t>(*length)))});
        in = in.subspan(static_cast<std::size_t>(*length));
    }
    return out;
}

Bytes encode_tlv(const TlvStream& stream) {
    Bytes out;
    for (const TlvRecord& record : stream) {
        append_bigsize(out, record.type);
        append_bigsize(out, record.value.size());
        out.insert(out.end(), record.value.begin(), record.value.end());
    }
    return out;
}

Result<std::uint64_t> decode_truncated_uint(ByteView value) {
    if (value.size() > 8) return fail(Errc::wrong_length, "more than 8 bytes");
    if (!value.empty() && value.front() == 0) return fail(Errc::not_minimal, "leading zero byte");
    std::uint64_t out = 0;
    for (const std::uint8_t byte : value) out = out << 8U | byte;
    return out;
}

Bytes encode_truncated_uint(std::uint64_t value) {
    Bytes out;
    for (unsigned i = 8; i-- > 0;) {
        const auto byte = static_cast<std::uint8_t>(value >> 8 * i);
        if (byte != 0 || !out.empty()) out.push_back(byte);
    }
    return out;
}

}  // namespace millrace::codec
