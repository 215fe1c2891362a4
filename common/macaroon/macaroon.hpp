// Macaroons (libmacaroons), binary V2 written and read, V1 read.
//
//   v2      := 02 [location] identifier 00 caveat* 00 signature
//   caveat  := [location] identifier [vid] 00
//   field   := uvarint type, uvarint length, bytes      1 location, 2 identifier, 4 vid, 6 signature, 0 end of section
//   v1      := packet*     packet := 4 hex digits (length of all), name SP data LF
//
//   key = HMAC("macaroons-key-generator", root); sig0 = HMAC(key, identifier); sig = HMAC(sig, caveat) each;
//   third party: HMAC(sig, HMAC(sig, vid) || HMAC(sig, cid)). The location is not signed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/codec/bytes.hpp"
#include "common/crypto/hash.hpp"
#include "common/result/error.hpp"

namespace millrace::macaroon {

enum class Errc {
    unknown_format = 1,  // the first byte is neither V2's nor V1's
    malformed,           // fields missing, out of order, too long or cut off
    too_many_caveats,    // more than max_caveats
};

constexpr std::size_t max_caveats = 64;
constexpr std::size_t max_size = 16 * 1024;

struct Caveat {
    Bytes identifier;          // the condition, for a first-party caveat
    std::optional<Bytes> vid;  // present: a third-party caveat
    std::string location;      // third party only
    [[nodiscard]] bool first_party() const { return !vid.has_value(); }
    [[nodiscard]] std::string_view text() const { return as_text(identifier); }
};

struct Macaroon {
    std::string location;
    Bytes identifier;
    std::vector<Caveat> caveats;
    crypto::Digest signature{};

    // A new macaroon without caveats.
    static Macaroon create(ByteView root_key, ByteView identifier, std::string location);

    // Appends a first-party caveat and extends the signature; needs no key: this is how a holder attenuates.
    void add_first_party_caveat(std::string_view condition);

    // True where the signature is the HMAC chain of this identifier and these caveats under `root_key`.
    [[nodiscard]] bool verifies(ByteView root_key) const;
};

// Exactly one macaroon, no trailing bytes. Errors: unknown_format, malformed, too_many_caveats.
[[nodiscard]] Result<Macaroon> decode(ByteView bytes);

[[nodiscard]] Bytes encode_v2(const Macaroon& macaroon);

}  // namespace millrace::macaroon

namespace millrace {
template <>
struct ErrcText<macaroon::Errc> {
    static constexpr const char* domain = "millrace.macaroon";
    static const char* text(macaroon::Errc errc);
};
}  // namespace millrace
