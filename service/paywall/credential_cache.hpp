// Credentials that one thread has verified, by the SHA-256 of the exact Authorization value and the service asked for,
// so that a token in steady use costs one hash. Bounded: two generations, the older of which is dropped when the
// younger is full.
//
// To be cleared when the keys or the configuration change. Expiry is not cached: it is looked at on every request.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/crypto/hash.hpp"
#include "common/l402/identifier.hpp"
#include "service/paywall/admission.hpp"

namespace millrace::paywall {

struct VerifiedCredential {
    l402::Identifier token;
    l402::Grant grant;
    std::string forward_headers;  // what the upstream is told about it, ready to send
    bool settled = false;         // `until` counts from settlement and cannot change any more
    bool payment_known = true;    // nor can `grant`
    std::optional<Time> until;
    std::optional<std::uint64_t> uses_granted = {};
};

class CredentialCache {
  public:
    static constexpr std::size_t generation_size = 4096;

    using Key = crypto::Digest;
    [[nodiscard]] static Key key(std::string_view authorization, std::size_t service);

    // Null where it is not there. Valid until the next add() or clear().
    VerifiedCredential* find(const Key& key);
    void add(const Key& key, VerifiedCredential credential);
    void clear();
    [[nodiscard]] std::size_t size() const { return young_.size() + old_.size(); }

  private:
    struct Hash {
        std::size_t operator()(const Key& key) const noexcept;
    };
    using Map = std::unordered_map<Key, VerifiedCredential, Hash>;
    Map young_;
    Map old_;
};

// A `*_valid_until` caveat makes the verification itself depend on the clock: such credentials are verified every time.
[[nodiscard]] bool cacheable(const l402::Credential& credential);

}  // namespace millrace::paywall
