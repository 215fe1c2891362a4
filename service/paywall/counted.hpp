// What became of credentials and of the free allowance, as it is counted.
#pragma once

namespace millrace::paywall {

// What became of a credential, as it is counted (label `result`).
enum class AuthResult {
    ok,
    malformed,
    bad_signature,
    bad_preimage,
    expired,
    wrong_scope,
    revoked,
    underpaid,
    spent,
    exhausted,
    worked  // a proof of work, used
};

// What became of a request that could be served on the free allowance (label `result`).
enum class FreeResult { served, failed, used_up, full };

}  // namespace millrace::paywall
