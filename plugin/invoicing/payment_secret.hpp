// What a stateless invoice carries in its payment_secret, so that nothing about it need be stored.
//
//   payment_secret := nonce[6] ciphertext[26]                                                          32 bytes
//   ciphertext     := ChaCha20(info_key, nonce || 00[6], counter 0) XOR info
//   info           := amount_msat[u40] expires_at[u32] cltv_and_epoch[3] service[14]                   26 bytes, big endian
//   cltv_and_epoch := min_final_cltv[u12] key_epoch[u12]
//   service        := group[u16]*7       each three letters: a * 1600 + b * 40 + c
//   letter         := 0 end, 1..26 a-z, 27..36 0-9, 37 '.', 38 '_', 39 '-'
//
//   preimage       := HMAC-SHA256(preimage_key, payment_secret)        payment_hash := SHA256(preimage)
//   info_key       := derive_key(root, "payment secret")
//   preimage_key   := derive_key(root, "preimage") of a sale, derive_key(root, "deposit preimage") of a deposit
//   root           := lightningd's makesecret(string = "millrace/invoice/1")
//
// The encryption only hides what is sold from whoever sees the secret without being the payer; authenticity comes from the
// payment hash, which commits to every bit of the secret: change one and the derived hash is another. Which of the two
// keys fits tells a deposit from a sale, as surely: there is no bit that could be flipped.
// The same scheme in another layout: rust-lightning, lightning/src/ln/inbound_payment.rs.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "common/ids/ids.hpp"
#include "common/l402/identifier.hpp"
#include "common/money/msat.hpp"

namespace millrace::invoicing {

// A sale is final; what a deposit received may be refunded as far as it is not used up.
enum class Kind { sale, deposit };

// What an invoice promises, as far as it must be known again when an HTLC arrives.
struct Terms {
    static constexpr std::uint64_t max_amount_msat = (std::uint64_t{1} << 40) - 1;  // just below 11 BTC
    static constexpr std::uint32_t max_min_final_cltv = (1U << 12) - 1;
    static constexpr l402::KeyEpoch max_epoch = (1U << 12) - 1;

    Msat amount;
    std::chrono::sys_seconds expires_at;
    std::uint32_t min_final_cltv = 0;  // blocks
    l402::KeyEpoch epoch = 0;          // the token key epoch of the challenge
    ServiceName service;
    Kind kind = Kind::sale;

    bool operator==(const Terms&) const = default;
};

using SecretNonce = std::array<std::uint8_t, 6>;

// Derived once from the root key.
class InvoiceKeys {
  public:
    explicit InvoiceKeys(const SecretKey& root);

    // Empty where a member does not fit its field.
    [[nodiscard]] std::optional<PaymentSecret> seal(const Terms& terms, const SecretNonce& nonce) const;

    [[nodiscard]] Preimage preimage(const PaymentSecret& secret, Kind kind) const;

    // The terms, where `secret` was made here and belongs to `hash`; empty for everybody else's secrets.
    [[nodiscard]] std::optional<Terms> open(const PaymentSecret& secret, const PaymentHash& hash) const;

  private:
    SecretKey info_key_;
    SecretKey sale_key_;     // of preimages
    SecretKey deposit_key_;  // of preimages
};

}  // namespace millrace::invoicing
