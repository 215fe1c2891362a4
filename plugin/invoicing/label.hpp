// The label under which an invoice of ours stands in lightningd: a pure function of its payment hash (which commits to its
// kind, too), so that creating it again can only meet itself. (createinvoice with a known hash and another label aborts lightningd.)
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/ids/ids.hpp"
#include "plugin/invoicing/payment_secret.hpp"

namespace millrace::invoicing {

[[nodiscard]] inline std::string invoice_label(const PaymentHash& hash, Kind kind) {
    return (kind == Kind::deposit ? "millrace-deposit-" : "millrace-") + hash.hex();
}

// What an invoice of this hash and label is; empty where it is none of ours.
[[nodiscard]] inline std::optional<Kind> kind_of_label(std::string_view label, const PaymentHash& hash) {
    for (const Kind kind : {Kind::sale, Kind::deposit}) {
        if (label == invoice_label(hash, kind)) return kind;
    }
    return std::nullopt;
}

}  // namespace millrace::invoicing
