// The identifiers of the domain, each its own type.
#pragma once

#include "common/ids/fixed_bytes.hpp"

namespace millrace {

using PaymentHash = FixedBytes<struct PaymentHashTag, 32>;      // BOLT 11 `p`: SHA256(preimage)
using PaymentSecret = FixedBytes<struct PaymentSecretTag, 32>;  // BOLT 11 `s`; known to the payer, hence no SecretBytes
using TokenId = FixedBytes<struct TokenIdTag, 32>;              // L402 identifier, bytes 34..65
using NodeId = FixedBytes<struct NodeIdTag, 33>;                // compressed secp256k1 public key

using Preimage = SecretBytes<struct PreimageTag, 32>;
using SecretKey = SecretBytes<struct SecretKeyTag, 32>;  // a key for HMAC, HKDF, ChaCha20 or secp256k1

// BOLT 7: block height (24 bits), transaction index (24 bits), output index (16 bits); text `HxTxO`.
class ShortChannelId {
  public:
    constexpr ShortChannelId() = default;
    explicit constexpr ShortChannelId(std::uint64_t value) : value_(value) {}
    constexpr ShortChannelId(std::uint32_t block, std::uint32_t transaction, std::uint16_t output)
        : value_(std::uint64_t{block} << 40U | std::uint64_t{transaction} << 16U | output) {}

    // Errors: codec wrong_length where the text is not `HxTxO` with numbers in range.
    static Result<ShortChannelId> parse(std::string_view text);

    [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
    [[nodiscard]] std::string text() const;
    auto operator<=>(const ShortChannelId&) const = default;

  private:
    std::uint64_t value_ = 0;
};

// The name of a paid service, as it stands in the `services` caveat and inside the payment secret:
// 1 to 21 of a-z 0-9 . _ -  (21, since that is what fits into a stateless invoice; see plugin/invoicing).
class ServiceName {
  public:
    static constexpr std::size_t max_length = 21;

    // Errors: codec wrong_length with what is allowed.
    static Result<ServiceName> parse(std::string_view text);

    [[nodiscard]] const std::string& text() const { return text_; }
    auto operator<=>(const ServiceName&) const = default;

  private:
    explicit ServiceName(std::string text) : text_(std::move(text)) {}
    std::string text_;
};

}  // namespace millrace

template <>
struct std::hash<millrace::ShortChannelId> {
    std::size_t operator()(millrace::ShortChannelId id) const noexcept {
        return std::hash<std::uint64_t>{}(id.value());
    }
};
template <>
struct std::hash<millrace::ServiceName> {
    std::size_t operator()(const millrace::ServiceName& name) const noexcept {
        return std::hash<std::string>{}(name.text());
    }
};
