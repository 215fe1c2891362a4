#include "common/macaroon/macaroon.hpp"

#include <algorithm>

#include "common/codec/hex.hpp"

namespace millrace {

const char* ErrcText<macaroon::Errc>::text(macaroon::Errc errc) {
    switch (errc) {
        case macaroon::Errc::unknown_format:
            return "not a macaroon in binary format 1 or 2";
        case macaroon::Errc::malformed:
            return "malformed macaroon";
        case macaroon::Errc::too_many_caveats:
            return "macaroon with more than 64 caveats";
    }
    return "unknown macaroon error";
}

}  // namespace millrace

namespace millrace::macaroon {
namespace {

constexpr std::uint8_t v2_mark = 0x02;
enum FieldType : std::uint64_t {
    end_of_section = 0,
    location_field = 1,
    identifier_field = 2,
    vid_field = 4,
    signature_field = 6
};
constexpr std::uint64_t max_uvarint = 0x7fffffff;

crypto::Digest root_signature(ByteView root_key, ByteView identifier) {
    const crypto::Digest key = crypto::hmac_sha256(as_bytes("macaroons-key-generator"), root_key);
    return crypto::hmac_sha256(key, identifier);
}

crypto::Digest extend(const crypto::Digest& signature, const Caveat& caveat) {
    if (caveat.first_party()) return crypto::hmac_sha256(signature, caveat.identifier);
    const crypto::Digest vid = crypto::hmac_sha256(signature, *caveat.vid);
    const crypto::Digest cid = crypto::hmac_sha256(signature, caveat.identifier);
    return crypto::hmac_sha256(signature, vid, cid);
}

// ---- V2 ----

Result<std::uint64_t> read_uvarint(ByteView& in) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        if (in.empty()) return fail(Errc::malformed, "it ends inside a number");
        const std::uint8_t byte = in.front();
        in = in.subspan(1);
        value |= std::uint64_t{byte & 0x7fU} << shift;
        if ((byte & 0x80U) == 0) {
            if (value > max_uvarint) return fail(Errc::malformed, "a number out of range");
            return value;
        }
    }
    return fail(Errc::malformed, "a number out of range");
}

struct Field {
    std::uint64_t type = end_of_section;
    ByteView data;
};

Result<Field> read_field(ByteView& in) {
    const Result<std::uint64_t> type = read_uvarint(in);
    if (!type) return type.error();
    if (*type == end_of_section) return Field{};
    const Result<std::uint64_t> length = read_uvarint(in);
    if (!length) return length.error();
    if (*length > in.size()) return fail(Errc::malformed, "it ends inside a field");
    const Field out{*type, in.first(static_cast<std::size_t>(*length))};
    in = in.subspan(out.data.size());
    return out;
}

struct Section {
    std::optional<ByteView> location;
    std::optional<ByteView> identifier;
    std::optional<ByteView> vid;
    bool empty = true;
};

// Fields up to the end-of-section mark, types strictly ascending, none but the three named ones.
Result<Section> read_section(ByteView& in) {
    Section out;
    std::uint64_t last = end_of_section;
    while (true) {
        const Result<Field> field = read_field(in);
        if (!field) return field.error();
        if (field->type == end_of_section) return out;
        if (field->type <= last) return fail(Errc::malformed, "fields out of order");
        last = field->type;
        out.empty = false;
        switch (field->type) {
            case location_field:
                out.location = field->data;
                break;
            case identifier_field:
                out.identifier = field->data;
                break;
            case vid_field:
                out.vid = field->data;
                break;
            default:
                return fail(Errc::malformed, "a field of unknown type " + std::to_string(field->type));
        }
    }
}

Result<void> append_caveat(Macaroon& macaroon, Caveat caveat) {
    if (macaroon.caveats.size() == max_caveats) return fail(Errc::too_many_caveats);
    macaroon.caveats.push_back(std::move(caveat));
    return {};
}

Result<Macaroon> decode_v2(ByteView in) {
    in = in.subspan(1);  // v2_mark
    Result<Section> head = read_section(in);
    if (!head) return head.error();
    if (!head->identifier || head->vid)
        return fail(Errc::malformed, "the first section is not location and identifier");
    Macaroon out;
    if (head->location) out.location = std::string(as_text(*head->location));
    out.identifier = to_bytes(*head->identifier);

    while (true) {
        const Result<Section> section = read_section(in);
        if (!section) return section.error();
        if (section->empty) break;
        if (!section->identifier) return fail(Errc::malformed, "a caveat without identifier");
        if (section->location && !section->vid) return fail(Errc::malformed, "a location on a first-party caveat");
        Caveat caveat;
        caveat.identifier = to_bytes(*section->identifier);
        if (section->vid) caveat.vid = to_bytes(*section->vid);
        if (section->location) caveat.location = std::string(as_text(*section->location));
        if (auto done = append_caveat(out, std::move(caveat)); !done) return done.error();
    }

    const Result<Field> signature = read_field(in);
    if (!signature) return signature.error();
    if (signature->type != signature_field || signature->data.size() != out.signature.size()) {
        return fail(Errc::malformed, "no signature of 32 bytes");
    }
    if (!in.empty()) return fail(Errc::malformed, "bytes behind the signature");
    std::copy(signature->data.begin(), signature->data.end(), out.signature.begin());
    return out;
}

void append_uvarint(Bytes& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) out.push_back(static_cast<std::uint8_t>(value | 0x80U));
    out.push_back(static_cast<std::uint8_t>(value));
}

void append_field(Bytes& out, FieldType type, ByteView data) {
    append_uvarint(out, type);
    append_uvarint(out, data.size());
    out.insert(out.end(), data.begin(), data.end());
}

// ---- V1 ----

struct Packet {
    std::string_view name;
    ByteView data;
};

Result<Packet> read_packet(ByteView& in) {
    constexpr std::size_t prefix = 4;
    std::array<std::uint8_t, 2> length_bytes{};
    if (in.size() < prefix || !codec::from_hex(as_text(in.first(prefix)), std::span<std::uint8_t>(length_bytes))) {
        return fail(Errc::malformed, "no packet length");
    }
    const std::size_t length = std::size_t{length_bytes[0]} << 8U | length_bytes[1];
    if (length <= prefix || length > in.size()) return fail(Errc::malformed, "it ends inside a packet");
    const std::string_view body = as_text(in.subspan(prefix, length - prefix));
    in = in.subspan(length);
    const std::size_t space = body.find(' ');
    if (space == std::string_view::npos || !body.ends_with('\n'))
        return fail(Errc::malformed, "a packet that is not name, space, data, line feed");
    return Packet{body.substr(0, space), as_bytes(body.substr(space + 1, body.size() - space - 2))};
}

Result<Macaroon> decode_v1(ByteView in) {
    Macaroon out;
    enum class Expect { location, identifier, caveats, done } expect = Expect::location;
    while (expect != Expect::done) {
        const Result<Packet> packet = read_packet(in);
        if (!packet) return packet.error();
        const auto& [name, data] = *packet;
        if (expect == Expect::location && name == "location") {
            out.location = std::string(as_text(data));
            expect = Expect::identifier;
        } else if (expect <= Expect::identifier && name == "identifier") {
            out.identifier = to_bytes(data);
            expect = Expect::caveats;
        } else if (expect == Expect::caveats && name == "cid") {
            if (auto done = append_caveat(out, Caveat{to_bytes(data), std::nullopt, {}}); !done) return done.error();
        } else if (expect == Expect::caveats && name == "vid" && !out.caveats.empty() &&
                   out.caveats.back().first_party()) {
            out.caveats.back().vid = to_bytes(data);
        } else if (expect == Expect::caveats && name == "cl" && !out.caveats.empty() &&
                   !out.caveats.back().first_party()) {
            out.caveats.back().location = std::string(as_text(data));
        } else if (expect == Expect::caveats && name == "signature" && data.size() == out.signature.size()) {
            std::copy(data.begin(), data.end(), out.signature.begin());
            expect = Expect::done;
        } else {
            return fail(Errc::malformed, "a packet out of place");
        }
    }
    if (!in.empty()) return fail(Errc::malformed, "bytes behind the signature");
    return out;
}

}  // namespace

Macaroon Macaroon::create(ByteView root_key, ByteView identifier, std::string location) {
    Macaroon out;
    out.location = std::move(location);
    out.identifier = to_bytes(identifier);
    out.signature = root_signature(root_key, identifier);
    return out;
}

void Macaroon::add_first_party_caveat(std::string_view condition) {
    caveats.push_back({to_bytes(as_bytes(condition)), std::nullopt, {}});
    signature = extend(signature, caveats.back());
}

bool Macaroon::verifies(ByteView root_key) const {
    crypto::Digest expected = root_signature(root_key, identifier);
    for (const Caveat& caveat : caveats) expected = extend(expected, caveat);
    return crypto::equal_constant_time(expected, signature);
}

Result<Macaroon> decode(ByteView bytes) {
    if (bytes.size() > max_size) return fail(Errc::malformed, "more than 16 KiB");
    if (bytes.empty()) return fail(Errc::unknown_format);
    if (bytes.front() == v2_mark) return decode_v2(bytes);
    const char first = static_cast<char>(bytes.front());
    const bool hex = (first >= '0' && first <= '9') || (first >= 'a' && first <= 'f') || (first >= 'A' && first <= 'F');
    if (hex) return decode_v1(bytes);
    return fail(Errc::unknown_format);
}

Bytes encode_v2(const Macaroon& macaroon) {
    Bytes out;
    out.push_back(v2_mark);
    if (!macaroon.location.empty()) append_field(out, location_field, as_bytes(macaroon.location));
    append_field(out, identifier_field, macaroon.identifier);
    out.push_back(end_of_section);
    for (const Caveat& caveat : macaroon.caveats) {
        if (caveat.vid && !caveat.location.empty()) append_field(out, location_field, as_bytes(caveat.location));
        append_field(out, identifier_field, caveat.identifier);
        if (caveat.vid) append_field(out, vid_field, *caveat.vid);
        out.push_back(end_of_section);
    }
    out.push_back(end_of_section);
    append_field(out, signature_field, macaroon.signature);
    return out;
}

}  // namespace millrace::macaroon
