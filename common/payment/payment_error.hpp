#pragma once

#include "common/result/error.hpp"

namespace millrace::payment {

enum class Errc {
    malformed_challenge = 1,  // no Payment challenge in WWW-Authenticate, or none that is complete
    malformed_credential,     // not `Payment <base64url of a JSON object>`, or a member of it is missing or wrong
    malformed_request,        // the request of a challenge is not a charge that can be read
    malformed_preferences,    // Accept-Payment is not a list of method/intent, each with a weight or without
    malformed_time,           // not an RFC 3339 date and time
};

}  // namespace millrace::payment

namespace millrace {
template <>
struct ErrcText<payment::Errc> {
    static constexpr const char* domain = "millrace.payment";
    static const char* text(payment::Errc errc);
};
}  // namespace millrace
