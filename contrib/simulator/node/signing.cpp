#include "contrib/simulator/node/signing.hpp"

#include "common/codec/bech32.hpp"
#include "common/crypto/hash.hpp"
#include "common/crypto/secp256k1.hpp"

namespace millrace::sim {
namespace {

constexpr std::size_t signature_words = 104;

// 5-bit groups as bytes, padded with zero bits: what is hashed for the signature.
Bytes pad_to_bytes(ByteView words) {
    Bytes out;
    unsigned buffer = 0;
    unsigned bits = 0;
    for (const std::uint8_t word : words) {
        buffer = (buffer << 5U | word) & 0xFFFFU;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            out.push_back(static_cast<std::uint8_t>(buffer >> bits));
        }
    }
    if (bits > 0) out.push_back(static_cast<std::uint8_t>(buffer << (8 - bits)));
    return out;
}

void drop_feature(Bytes& features, std::size_t bit) {
    const std::size_t byte = bit / 8;
    if (byte >= features.size()) return;
    std::uint8_t& flags = features[features.size() - 1 - byte];
    flags = static_cast<std::uint8_t>(flags & ~(1U << (bit % 8)));
}

}  // namespace

Result<SignedInvoice> sign_again(std::string_view text, const SecretKey& key) {
    Result<codec::Bech32> parts = codec::decode_bech32(text);
    if (!parts) return parts.error();
    if (parts->words.size() < signature_words) return fail(bolt11::Errc::too_short);
    parts->words.resize(parts->words.size() - signature_words);
    Bytes signed_data = to_bytes(as_bytes(parts->hrp));
    const Bytes data = pad_to_bytes(parts->words);
    signed_data.insert(signed_data.end(), data.begin(), data.end());
    const crypto::RecoverableSignature signature = crypto::sign_recoverable(key, crypto::sha256(signed_data));
    Bytes raw(signature.compact.begin(), signature.compact.end());
    raw.push_back(signature.recovery_id);
    const Bytes signature_part = codec::to_words(raw);
    parts->words.insert(parts->words.end(), signature_part.begin(), signature_part.end());
    Result<bolt11::Invoice> invoice = bolt11::decode(codec::encode_bech32(parts->hrp, parts->words));
    if (!invoice) return invoice.error();
    if (!invoice->payment_metadata) {
        drop_feature(invoice->features, 48);
        drop_feature(invoice->features, 49);
        std::size_t zeros = 0;
        while (zeros < invoice->features.size() && invoice->features[zeros] == 0) ++zeros;
        invoice->features.erase(invoice->features.begin(),
                                invoice->features.begin() + static_cast<std::ptrdiff_t>(zeros));
    }
    Result<std::string> written = bolt11::encode_signed(*invoice, key);
    if (!written) return written.error();
    Result<bolt11::Invoice> read = bolt11::decode(*written);
    if (!read) return read.error();
    return SignedInvoice{std::move(*read), std::move(*written)};
}

}  // namespace millrace::sim
