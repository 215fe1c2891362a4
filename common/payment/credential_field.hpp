// The header field that carries a credential of the Payment scheme: Authorization, or what the challenge's `header`
// names (mppx), so that Authorization stays free for the server's own.
#pragma once

#include <optional>
#include <string>

#include "common/payment/challenge.hpp"

namespace millrace::payment {

// Empty where the challenge names a field that a client must not let a server write: one that frames or routes the
// message, describes the client or its body, or that proxies act on. Such a challenge cannot be answered.
[[nodiscard]] std::optional<std::string> credential_field(const Challenge& challenge);

}  // namespace millrace::payment
