#pragma once

#include "common/result/error.hpp"

namespace millrace::l402 {

enum class Errc {
    malformed_credential = 1,  // a credential header that is not base64 macaroon, colon, 64 hex digits
    conflicting_credentials,   // two different credentials in one request
    bad_identifier,            // the macaroon's identifier is not an L402 version 0 identifier
    malformed_challenge,       // a WWW-Authenticate line without a macaroon or an invoice
};

}  // namespace millrace::l402

namespace millrace {
template <>
struct ErrcText<l402::Errc> {
    static constexpr const char* domain = "millrace.l402";
    static const char* text(l402::Errc errc);
};
}  // namespace millrace
