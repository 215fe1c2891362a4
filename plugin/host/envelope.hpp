// Who a JSON-RPC message is for, read from its raw bytes without building a tree.
//
// lightningd matches a reply by the bytes of its id, quotes and escapes included (lightningd/plugin.c), so an id is never
// decoded here; and for most of the messages of a routing node (HTLCs that are forwarded) nothing else need be known.
#pragma once

#include <optional>
#include <string_view>

namespace millrace::host {

struct Envelope {
    std::string_view id;      // the raw JSON token, quotes included; empty for a notification
    std::string_view method;  // without quotes
};

// Finds the members `id` and `method` of the outermost object, in any order; reads no further than needed.
// Empty where the text is not a JSON object or has no method.
[[nodiscard]] std::optional<Envelope> scan_envelope(std::string_view message);

// True for an `htlc_accepted` call that cannot be for an invoice of ours: its onion has no payment_secret, so that it is
// forwarded, or is a payment without one (keysend). Inside a message of lightningd the text can only be that member's name:
// all that peers contribute is hex.
[[nodiscard]] bool lacks_payment_secret(std::string_view message);

}  // namespace millrace::host
