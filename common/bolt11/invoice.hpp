// BOLT 11 invoices.
//
//   invoice   := hrp "1" timestamp[7] field* signature[104] checksum[6]      (5-bit groups after the "1")
//   hrp       := "ln" currency [amount]        currency: bc tb tbs bcrt; amount: digits [m u n p]
//   field     := type[1] length[2] data[length]
//   signature := 64 bytes r||s, 1 byte recovery id, over SHA256(hrp || data without signature, as bytes)
//
// Fields are written in the order in which Core Lightning writes them (s p d|h m n x c f r 9), so that what this
// encoder makes and what `signinvoice` returns differ in nothing but the signature.
// Source: https://github.com/lightning/bolts/blob/master/11-payment-encoding.md
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/codec/bytes.hpp"
#include "common/crypto/secp256k1.hpp"
#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"

namespace millrace::bolt11 {

enum class Errc {
    not_bech32 = 1,   // not bech32, or its checksum is wrong
    bad_prefix,       // does not start with ln and a known currency
    bad_amount,       // the amount is not digits with m, u, n or p, or is not a whole number of msat
    too_short,        // ends before the signature
    bad_field,        // a field with a wrong length or contents
    missing_field,    // no payment hash, payment secret, or description
    unknown_feature,  // a compulsory (even) feature bit that this reader does not know
    bad_signature,    // no public key fits, or it does not verify against the `n` field
};

struct RouteHop {
    NodeId pubkey;
    ShortChannelId short_channel_id;
    std::uint32_t fee_base_msat = 0;
    std::uint32_t fee_proportional_millionths = 0;
    std::uint16_t cltv_expiry_delta = 0;
    bool operator==(const RouteHop&) const = default;
};

struct Fallback {
    std::uint8_t version = 0;  // 0..16 witness program, 17 P2PKH, 18 P2SH
    Bytes program;
    bool operator==(const Fallback&) const = default;
};

struct Invoice {
    static constexpr std::chrono::seconds default_expiry{3600};
    static constexpr std::uint32_t default_min_final_cltv = 18;

    std::string currency;        // "bc", "tb", "tbs", "bcrt"
    std::optional<Msat> amount;  // empty: any amount
    std::chrono::sys_seconds timestamp;
    PaymentHash payment_hash;
    PaymentSecret payment_secret;
    std::variant<std::string, crypto::Digest> description;  // `d`: UTF-8 text; `h`: its SHA256
    std::chrono::seconds expiry = default_expiry;
    std::uint32_t min_final_cltv = default_min_final_cltv;
    std::optional<Bytes> payment_metadata;
    std::vector<Fallback> fallbacks;
    std::vector<std::vector<RouteHop>> routes;
    Bytes features;  // big endian bit field, empty for none

    // Filled by decode(): who signed.
    NodeId payee;
    crypto::RecoverableSignature signature{};

    [[nodiscard]] std::chrono::sys_seconds expires_at() const { return timestamp + expiry; }
    // The text of `d`, empty where there is only `h`.
    [[nodiscard]] std::string_view description_text() const;
};

// Reads and checks an invoice: checksum, fields, features and signature. Unknown fields and fields of a wrong length
// are skipped as BOLT 11 asks. A `lightning:` prefix and upper case are accepted. Expiry is not checked: that takes a clock.
[[nodiscard]] Result<Invoice> decode(std::string_view text);

// The invoice with an all-zero signature: what Core Lightning's `signinvoice` takes.
// A description of more than 639 bytes does not fit: errors bad_field. An amount of zero cannot be stated: errors
// bad_amount.
[[nodiscard]] Result<std::string> encode_unsigned(const Invoice& invoice);

// The invoice signed with the node's secret key (the simulator's way). Errors: as above.
[[nodiscard]] Result<std::string> encode_signed(const Invoice& invoice, const SecretKey& key);

// "bc" for Core Lightning's network name "bitcoin", "tb" testnet and testnet4, "tbs" signet, "bcrt" regtest; empty for others.
[[nodiscard]] std::string_view currency_of_network(std::string_view network);

}  // namespace millrace::bolt11

namespace millrace {
template <>
struct ErrcText<bolt11::Errc> {
    static constexpr const char* domain = "millrace.bolt11";
    static const char* text(bolt11::Errc errc);
};
}  // namespace millrace
