// Tokens: minting and verifying without a look-up.
//
// root key of a token = HMAC-SHA256(epoch key, identifier). A token is a V2 macaroon with location "lsat" and the caveats
// of claim.hpp. Whoever holds the epoch keys verifies any token; the database only knows facts about money and time.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/l402/claim.hpp"
#include "common/l402/credential.hpp"
#include "common/l402/identifier.hpp"
#include "common/l402/refusal.hpp"
#include "common/macaroon/macaroon.hpp"
#include "common/money/msat.hpp"

namespace millrace::l402 {

// The keys of all epochs that verify. An epoch that was retired is absent. Immutable once shared between threads.
struct KeyRing {
    std::map<KeyEpoch, SecretKey> keys;
    KeyEpoch current = 0;  // the epoch that signs from now on

    [[nodiscard]] const SecretKey* find(KeyEpoch epoch) const;
};

// What a token is sold or given away for. With neither price nor credit it is good for nothing.
struct Sale {
    std::optional<Msat> price = {};   // requests that cost no more
    std::optional<Msat> credit = {};  // a balance
    unsigned tier = 0;
    std::optional<std::string> route = {};                      // that alone
    std::optional<std::string> quote = {};                      // the thing, whatever it costs since
    std::optional<std::string> price_of = {};                   // the service, whose one price it was
    std::optional<std::vector<std::string>> capabilities = {};  // sorted; empty: as the tier has them
    std::optional<std::chrono::sys_seconds> until = {};
};

// A token for `service`; `key` is the key of identifier.epoch().
[[nodiscard]] macaroon::Macaroon mint(const SecretKey& key, const Identifier& identifier, const ServiceName& service,
                                      const Sale& sale);

enum class Proof {
    preimage,  // the credential's own
    settlement  // known from elsewhere; the preimage is not looked at. Only for tokens that are presented together with a
    // secret of their own (a pay page's cookie): a token alone stands in every challenge, and whoever saw that
    // has not paid.
};

// Checks, in this order: key epoch, HMAC chain, proof of payment. Empty: what the token says of itself is true.
[[nodiscard]] std::optional<Refusal> verify(const Credential& credential, const KeyRing& keys,
                                            Proof proof = Proof::preimage);

// The same, and then Claim::refusal(): whether the token is good for `service`. What for, its Claim says.
[[nodiscard]] std::optional<Refusal> verify(const Credential& credential, const KeyRing& keys, std::string_view service,
                                            std::chrono::system_clock::time_point now, Proof proof = Proof::preimage);

// As above for any service that the token names (millrace-verify without a service).
[[nodiscard]] std::optional<Refusal> verify_any_service(const Credential& credential, const KeyRing& keys,
                                                        std::chrono::system_clock::time_point now);

}  // namespace millrace::l402
