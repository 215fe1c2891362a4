// Canonical JSON (RFC 8785) of what the Payment scheme puts into headers: a challenge's request, a credential, a receipt.
// Whoever decodes such a text and writes it again gets the same bytes, which is what the challenge's HMAC stands on.
//
//   member names in the order of their UTF-16 code units; no white space
//   escapes: \b \t \n \f \r \" \\ and \u00xx for the other characters below U+0020; everything else as UTF-8
#pragma once

#include <boost/json/object.hpp>
#include <string>

namespace millrace::payment {

// Members are strings, whole numbers from 0 to 2^53, and objects of such; valid UTF-8. Throws std::invalid_argument on
// any other kind of value.
[[nodiscard]] std::string canonical_json(const boost::json::object& object);

}  // namespace millrace::payment
