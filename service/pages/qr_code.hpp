// A text as a QR code, drawn as SVG.
//
//   qr_svg("LIGHTNING:LNBC10N1...", "QR code of the invoice")     "<svg ...>...</svg>", or empty where it does not fit
//
// Upper-case letters, digits and ":" take 5.5 bits a character instead of 8: hand over invoices in upper case, as BOLT
// 11 recommends. Always dark on white with a quiet zone of four modules, whatever the page around it looks like: that
// is what every reader reads.
#pragma once

#include <string>
#include <string_view>

namespace millrace::pages {

// `label` is the image's name for screen readers.
[[nodiscard]] std::string qr_svg(const std::string& text, std::string_view label);

}  // namespace millrace::pages
