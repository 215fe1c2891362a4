// Why a token is refused.
#pragma once

#include <string_view>

namespace millrace::l402 {

enum class Refusal {
    unknown_key = 1,  // minted with a key epoch that does not exist or was retired
    bad_signature,    // the macaroon was not minted here, or was changed
    bad_preimage,     // the preimage does not belong to the token's payment hash: not paid
    third_party,      // holds a third-party caveat, which this server cannot discharge
    wrong_scope,      // bought for another service, or a caveat takes this one away
    widened,          // a later caveat asks for more than an earlier one grants
    expired,          // a `<service>_valid_until` caveat, or the time bought, has passed
};

// One word for logs, metrics labels and the `reason` of answers: "bad_signature", ...
[[nodiscard]] std::string_view name(Refusal refusal);
// A sentence for the client, without any secret.
[[nodiscard]] std::string_view explain(Refusal refusal);

}  // namespace millrace::l402
