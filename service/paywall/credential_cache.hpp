// Credentials that one thread has verified, by the exact Authorization value and the service asked for, so that a token in
// steady use costs a look-up. Bounded: two generations, the older of which is dropped when the younger is full, of
// credentials that are not longer than they usually are.
//
// Whoever finds one has sent all of it: nothing is learnt from how long the comparison took, since what is compared has
// the same hash. Who makes many with one hash, of a token that was paid for, slows down those alone.
//
// To be cleared when the keys or the configuration change. Expiry is not cached: it is looked at on every request.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

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
    static constexpr std::size_t longest = 1024;

    struct Key {
        std::string_view authorization;
        std::size_t service = 0;
    };

    // Null where it is not there. Valid until the next add() or clear().
    VerifiedCredential* find(const Key& key);
    void add(const Key& key, VerifiedCredential credential);
    void clear();
    [[nodiscard]] std::size_t size() const { return young_.size() + old_.size(); }

  private:
    struct OwnKey {
        std::string authorization;
        std::size_t service = 0;
        operator Key() const { return {authorization, service}; }  // NOLINT: to be found by either
    };
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(const Key& key) const noexcept {
            return std::hash<std::string_view>()(key.authorization) ^ key.service;
        }
    };
    struct Same {
        using is_transparent = void;
        bool operator()(const Key& left, const Key& right) const noexcept {
            return left.service == right.service && left.authorization == right.authorization;
        }
    };
    using Map = std::unordered_map<OwnKey, VerifiedCredential, Hash, Same>;
    void make_room();

    Map young_;
    Map old_;
};

// A `*_valid_until` caveat makes the verification itself depend on the clock: such credentials are verified every time.
[[nodiscard]] bool cacheable(const l402::Credential& credential);

}  // namespace millrace::paywall
