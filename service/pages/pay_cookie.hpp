// The cookie by which a browser that was shown a pay page is let in once its invoice is paid, without knowing the
// preimage.
//
//   name    := "millrace-pay-" offer
//   offer   := service ["~" route] "~" price          what one payment buys: two of them in one browser, two cookies
//   value   := token "." amount_msat "." expires_at "." [invoice] "." seal    token, seal: base64url; numbers: decimal
//   seal    := HMAC-SHA256(HKDF(epoch key, "millrace pay page"), value up to the last ".")
//
// With an invoice it is that of an offer, and ends with the invoice. The first request that it opens is answered with
// the same ticket without it: bought, and kept for as long as the payment buys.
//
// It names no Path: the browser takes the folder of the page that it was shown (RFC 6265 §5.1.4), as the browser sees
// it, below whatever prefix a front cuts off and in whatever spelling. What was bought is set for the service's path
// too, so that it opens the whole of it.
//
// It is a bearer secret, as a credential is: HttpOnly, Secure under TLS, stripped before a request goes upstream, and
// never logged. Its secret is the seal. The token is none: it stands in the 402 beside the
// invoice, where payers, wallets and whoever is shown them see it; hence a token in a cookie without the seal opens
// nothing, however settled its payment is, and a challenge that a program got can never be turned into a cookie. The
// seal also vouches for the invoice and its price, so that nobody can slip a browser another one to pay.
//
// Cross-site requests: SameSite=Lax keeps it out of all of them but a link that is followed, and it admits GET and HEAD
// without upgrade only, which change nothing (RFC 9110 §9.2.1). A foreign page can thus make a browser open what was
// bought, as any link can, and no more.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/l402/token.hpp"
#include "common/money/msat.hpp"
#include "service/http/message.hpp"

namespace millrace::pages {

inline constexpr std::string_view pay_cookie_prefix = "millrace-pay-";

// What was offered on a pay page.
struct PayTicket {
    Bytes token;  // the macaroon, binary
    Msat price;
    std::chrono::sys_seconds expires_at;  // of the invoice
    std::string bolt11;
};

// A cookie's value; empty where the token's epoch has no key or the token is none.
[[nodiscard]] std::string seal(const PayTicket& ticket, const l402::KeyRing& keys);

struct SealedTicket {
    PayTicket ticket;
    l402::Credential credential;  // of the token; its preimage is not known and all zero
    std::string signed_part;
    Bytes seal;
};

// Empty where it is malformed or of more than 4 KiB. Nothing is known about it before is_genuine().
[[nodiscard]] std::optional<SealedTicket> parse_pay_cookie(std::string_view value);
[[nodiscard]] bool is_genuine(const SealedTicket& ticket, const l402::KeyRing& keys);

// The offer's part of a cookie's name; `route` is empty where the token is not for a route alone.
[[nodiscard]] std::string offer_name(std::string_view service, std::string_view route, Msat price);

struct PayCookie {
    std::string_view offer;
    std::string_view value;
    bool operator==(const PayCookie&) const = default;
};

// A request's cookies of an offer, of all offers of a service, or of all there are: those of what was bought first,
// else in order; at most 64.
[[nodiscard]] std::vector<PayCookie> find_offer_cookies(const http::RequestHead& head, std::string_view offer);
[[nodiscard]] std::vector<PayCookie> find_service_cookies(const http::RequestHead& head, std::string_view service);
[[nodiscard]] std::vector<PayCookie> find_pay_cookies(const http::RequestHead& head);

// A Cookie field's value without the cookies of pay pages; empty where nothing is left.
[[nodiscard]] std::string without_pay_cookies(std::string_view value);

struct CookieScope {
    std::chrono::seconds max_age;  // 0: the browser is to forget it
    bool secure = false;
    std::string_view path = {};  // decoded, as configured; empty: the browser takes the folder of the page
};

// The value of a Set-Cookie field.
[[nodiscard]] std::string set_cookie(std::string_view name, std::string_view value, const CookieScope& scope);

}  // namespace millrace::pages
