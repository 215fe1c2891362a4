// Which caches may keep a response (RFC 9111), so that none gives to strangers what one client bought.
//
//   Sharing            Cache-Control                                        targeted fields     Expires, Vary, ETag
//   as_sent            as the upstream sent it                              stay                stay
//   of_one_client      "private" first; "public", "s-maxage" and a          dropped             stay
//                      private="field" go, everything else stays
//   nobodys            "no-store"                                           dropped             stay
//
// Targeted fields tell single caches what Cache-Control does not say: those of RFC 9213 (CDN-Cache-Control and whatever
// ends like it), Surrogate-Control (Edge Architecture), Edge-Control (Akamai), X-Accel-Expires (nginx), each of which
// is stronger than Cache-Control where it is known.
//
// "private" is what counts: without it "must-revalidate" would let a shared cache store the response to a request with
// Authorization (RFC 9111 §3.5), and a request with a cookie or a field of another name needs no such word at all.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "service/http/message.hpp"

namespace millrace::relay {

enum class Sharing {
    as_sent,        // free for all
    of_one_client,  // opened by a credential of whatever kind, an allowance, work, a charge, a session
    nobodys,        // 401, 402, 429: about this moment and this client
};

// `for_all`: whoever sends the same request gets the same, without anything that opens it.
[[nodiscard]] Sharing sharing_of(bool for_all, unsigned status);

// True for the fields that speak to caches; append_cache_fields() writes what is left of them.
[[nodiscard]] bool speaks_to_caches(const http::HeaderLine& line);

// Appends the lines ("Name: value\r\n") about caches of a response that is not sent as it is. Of an interim response
// they are the upstream's without what is dropped: "private" is said by the final one.
void append_cache_fields(const http::ResponseHead& head, Sharing sharing, std::string& out);

}  // namespace millrace::relay
