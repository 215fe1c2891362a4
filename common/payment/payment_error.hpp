#pragma once

#include "common/result/error.hpp"

namespace millrace::payment {

enum class Errc {
    malformed_challenge = 1,  // no Payment challenge in WWW-Authenticate, or none that is complete
    malformed_credential,     // not `Payment <base64url of a JSON object>`, or a member of it is missing or wrong
    malformed_request,        // the request of a challenge is no charge, or no session, that can be read
    malformed_preferences,    // Accept-Payment is not a list of method/intent, each with a weight or without
    malformed_time,           // not an RFC 3339 date and time
    bad_return_invoice,       // no invoice that what is left of a session can be paid to
};

}  // namespace millrace::payment

namespace millrace {
template <>
struct ErrcText<payment::Errc> {
    static constexpr const char* domain = "millrace.payment";
    static const char* text(payment::Errc errc);
};
}  // namespace millrace
