// The L402 credential: what a client sends once it has paid.
//
//   Authorization: L402 <base64 macaroon>:<64 hex preimage>      or LSAT; scheme in any case; standard or URL-safe base64
//   Macaroon: <hex> | Token: <hex> | Grpc-Metadata-Macaroon: <hex> | Grpc-Metadata-Token: <hex>
//                                         preimage then from a `preimage=` caveat; used only without an L402 Authorization
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "common/ids/ids.hpp"
#include "common/l402/identifier.hpp"
#include "common/macaroon/macaroon.hpp"

namespace millrace::l402 {

constexpr std::size_t max_credential_size = 16 * 1024;  // bytes of one header value

struct Credential {
    macaroon::Macaroon macaroon;
    Identifier identifier;
    Preimage preimage;
};

using HeaderField = std::pair<std::string_view, std::string_view>;  // name (any case), value

// True for a header that can carry an L402 credential and hence must never reach an upstream.
[[nodiscard]] bool is_credential_header(std::string_view name);

// The credential among a request's header fields; empty where there is none (an Authorization of another scheme is
// none). Errors: malformed_credential, bad_identifier; conflicting_credentials where two differ.
[[nodiscard]] Result<std::optional<Credential>> find_credential(std::span<const HeaderField> headers);

// One `L402 <macaroon>:<preimage>` value. Errors: malformed_credential, bad_identifier.
[[nodiscard]] Result<Credential> parse_authorization(std::string_view value);

// "L402 <base64>:<hex>", for a client's request. Holds the preimage: never log it.
[[nodiscard]] std::string authorization_value(std::string_view token_base64, const Preimage& preimage);

}  // namespace millrace::l402
