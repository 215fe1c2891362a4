// Tokens: minting and verifying without a look-up.
//
// root key of a token = HMAC-SHA256(epoch key, identifier). A token is a V2 macaroon with location "lsat" and the caveat
// `services=<name>:<tier>`. Whoever holds the epoch keys verifies any token; the database only knows facts about money and time.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/l402/credential.hpp"
#include "common/l402/identifier.hpp"
#include "common/macaroon/macaroon.hpp"
#include "common/money/msat.hpp"

namespace millrace::l402 {

// The keys of all epochs that verify. An epoch that was retired is absent. Immutable once shared between threads.
struct KeyRing {
    std::map<KeyEpoch, SecretKey> keys;
    KeyEpoch current = 0;  // the epoch that signs from now on

    [[nodiscard]] const SecretKey* find(KeyEpoch epoch) const;
};

enum class Refusal {
    unknown_key = 1,    // minted with a key epoch that does not exist or was retired
    bad_signature,      // the macaroon was not minted here, or was changed
    bad_preimage,       // the preimage does not belong to the token's payment hash: not paid
    third_party,        // holds a third-party caveat, which this server cannot discharge
    wrong_scope,        // bought for another service
    widened,            // a later caveat asks for more than an earlier one grants
    expired,            // a `<service>_valid_until` caveat, or the time bought, has passed
};

// One word for logs, metrics labels and the `reason` of answers: "bad_signature", ...
[[nodiscard]] std::string_view name(Refusal refusal);
// A sentence for the client, without any secret.
[[nodiscard]] std::string_view explain(Refusal refusal);

// What a token's caveats leave of a service, beside time. Holders may add caveats, which narrow the token.
//
//   services=<name>:<tier>            tier: 0 to 255, each later one not higher
//   <name>_capabilities=<a>,<b>       each later one a subset
//   <name>_route=<route>              each later one the same
//   <name>_max_price_msat=<n>         each later one not higher
//   <name>_credit_msat=<n>            each later one not higher
//   <name>_quote=<16 hex digits>      each later one the same; never where there was none
//
// What stands in front of the first `services` is not a holder's: every token is minted with one, and caveats are only
// ever added behind. So that is where a caveat stands that opens something: `_route`, for a route whose tokens are its own,
// and `_quote`, for what was priced on its own.
struct Grant {
    std::optional<std::string> route;  // good for this route of the service only
    std::optional<Msat> max_price;     // good for requests that cost no more
    std::optional<Msat> credit = {};   // the balance that was bought
    unsigned tier = 0;
    std::optional<std::vector<std::string>> capabilities = {};  // sorted; empty: as its tier has them
    std::optional<std::string> quote = {};                      // the thing that it was bought for, at whatever price since
    bool minted_for_route = false;                              // verify(): `route` is not its holder's doing
    bool operator==(const Grant&) const = default;
};

// A token for `service`; `key` is the key of identifier.epoch(), `sold` what it is good for.
[[nodiscard]] macaroon::Macaroon mint(const SecretKey& key, const Identifier& identifier, const ServiceName& service,
                                      const Grant& sold = {});

// Whether `sold` can be said by narrowing a token of tier 0; otherwise it has to be minted so.
[[nodiscard]] bool is_narrowing(const Grant& sold);

// Narrows a token that was minted for `service`: route, capabilities, price and balance. Anyone who holds a token can do
// so; nobody can undo it.
void narrow(macaroon::Macaroon& token, std::string_view service, const Grant& grant);

// The tier that a token says it is of, and the thing that it was bought for, before anything is verified.
struct Claim {
    unsigned tier = 0;
    std::string_view quote;  // valid as long as the token is
};
[[nodiscard]] Claim claim_of(const macaroon::Macaroon& token, std::string_view service);

// Checks, in this order: key epoch, HMAC chain, preimage, caveats. Enforced caveats: `services` (must be there, each later
// one a subset), `<service>_valid_until` (unix seconds, each later one not later, in the future), and a Grant's. Unknown first-party
// caveats, `preimage=` among them, are skipped; third-party caveats are refused. Empty: the credential is good for `service`,
// as far as `grant` says; whoever passes null does not sell by route, price, tier or capability.
[[nodiscard]] std::optional<Refusal> verify(const Credential& credential, const KeyRing& keys, std::string_view service,
                                            std::chrono::system_clock::time_point now, Grant* grant = nullptr);

// As verify(), for a token of which the settlement is known from elsewhere: that is the proof of payment in place of the
// preimage, which is not looked at. Only for tokens that are presented together with a secret of their own (a pay page's
// cookie): a token alone stands in every challenge, and whoever saw that has not paid.
[[nodiscard]] std::optional<Refusal> verify_settled(const Credential& credential, const KeyRing& keys, std::string_view service,
                                                    std::chrono::system_clock::time_point now,
                                                    Grant* grant = nullptr);

// As above for any service that the token names (millrace-verify without a service).
[[nodiscard]] std::optional<Refusal> verify_any_service(const Credential& credential, const KeyRing& keys,
                                                        std::chrono::system_clock::time_point now);

}  // namespace millrace::l402
