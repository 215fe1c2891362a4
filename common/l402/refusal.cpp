#include "common/l402/refusal.hpp"

namespace millrace::l402 {

std::string_view name(Refusal refusal) {
    switch (refusal) {
        case Refusal::unknown_key:
            return "unknown_key";
        case Refusal::bad_signature:
            return "bad_signature";
        case Refusal::bad_preimage:
            return "bad_preimage";
        case Refusal::third_party:
            return "third_party";
        case Refusal::wrong_scope:
            return "wrong_scope";
        case Refusal::widened:
            return "widened";
        case Refusal::expired:
            return "expired";
    }
    return "unknown";
}

std::string_view explain(Refusal refusal) {
    switch (refusal) {
        case Refusal::unknown_key:
            return "The key that signed the token is not, or no longer, accepted.";
        case Refusal::bad_signature:
            return "The token was not issued here, or somebody changed it.";
        case Refusal::bad_preimage:
            return "The preimage does not belong to this token's invoice.";
        case Refusal::third_party:
            return "The token has a third-party caveat, which this server cannot check.";
        case Refusal::wrong_scope:
            return "The token was bought for another service, or one of its caveats takes this one away.";
        case Refusal::widened:
            return "A caveat of the token asks for more than an earlier one grants.";
        case Refusal::expired:
            return "The time that the token bought has passed.";
    }
    return "The token is refused.";
}

}  // namespace millrace::l402
