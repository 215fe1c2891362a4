#include "service/pages/pay_cookie.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/codec/base64.hpp"
#include "common/codec/field_value.hpp"

namespace millrace::pages {
namespace {

using codec::trim;

constexpr std::size_t max_value = 4096;
constexpr std::size_t max_cookies = 64;
constexpr char separator = '~';  // in no name of a service or a route
constexpr std::string_view key_info = "millrace pay page";

template <class Use>
void for_each_cookie(std::string_view field, Use use) {
    while (!field.empty()) {
        std::size_t end = std::min(field.find(';'), field.size());
        std::string_view pair = trim(field.substr(0, end));
        field.remove_prefix(std::min(end + 1, field.size()));
        std::size_t equals = pair.find('=');
        std::string_view value = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
        if (!pair.empty()) use(pair, pair.substr(0, equals), value);
    }
}

// One without an invoice.
bool looks_bought(const PayCookie& cookie) {
    return cookie.value.find("..") != std::string_view::npos;
}

// The cookies of pay pages for whose offer `wanted` holds.
template <class Wanted>
std::vector<PayCookie> find_cookies(const http::RequestHead& head, Wanted wanted) {
    std::vector<PayCookie> out;
    for (const http::HeaderLine& line : head.fields) {
        if (line.id != http::Field::cookie) continue;
        for_each_cookie(line.value, [&](std::string_view, std::string_view name, std::string_view value) {
            if (name.substr(0, pay_cookie_prefix.size()) != pay_cookie_prefix) return;
            name.remove_prefix(pay_cookie_prefix.size());
            if (wanted(name)) out.push_back({name, value});
        });
    }
    std::stable_partition(out.begin(), out.end(), looks_bought);
    if (out.size() > max_cookies) out.resize(max_cookies);
    return out;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t value = 0;
    auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || errc != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<l402::Credential> read_token(ByteView token) {
    Result<macaroon::Macaroon> macaroon = macaroon::decode(token);
    if (!macaroon) return std::nullopt;
    Result<l402::Identifier> identifier = l402::Identifier::decode(macaroon->identifier);
    if (!identifier) return std::nullopt;
    return l402::Credential{std::move(*macaroon), *identifier, Preimage{}};
}

std::optional<crypto::Digest> seal_of(std::string_view signed_part, l402::KeyEpoch epoch, const l402::KeyRing& keys) {
    const SecretKey* key = keys.find(epoch);
    if (!key) return std::nullopt;
    SecretKey own = crypto::derive_key(*key, key_info);
    return crypto::hmac_sha256(own.reveal(), as_bytes(signed_part));
}

// As a request has it: what RFC 3986 lets stand in a path stays, everything else is percent-encoded.
std::string encode_path(std::string_view path) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    constexpr std::string_view plain = "-._~!$&'()*+,=:@/";  // ";" would end the attribute
    std::string out;
    for (char c : path) {
        bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (alphanumeric || plain.find(c) != std::string_view::npos) {
            out += c;
            continue;
        }
        auto byte = static_cast<std::uint8_t>(c);
        out += '%';
        out += digits[byte >> 4U];
        out += digits[byte & 15U];
    }
    return out;
}

}  // namespace

std::string seal(const PayTicket& ticket, const l402::KeyRing& keys) {
    std::optional<l402::Credential> token = read_token(ticket.token);
    if (!token) return {};
    std::string out = codec::to_base64url(ticket.token) + '.' + std::to_string(ticket.price.value()) + '.' +
                      std::to_string(ticket.expires_at.time_since_epoch().count()) + '.' + ticket.bolt11;
    std::optional<crypto::Digest> sealed = seal_of(out, token->identifier.epoch(), keys);
    if (!sealed) return {};
    return out + '.' + codec::to_base64url(*sealed);
}

std::optional<SealedTicket> parse_pay_cookie(std::string_view value) {
    if (value.size() > max_value) return std::nullopt;
    std::array<std::string_view, 5> parts;
    std::string_view rest = value;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        bool last = i + 1 == parts.size();
        std::size_t dot = rest.find('.');
        if (last != (dot == std::string_view::npos)) return std::nullopt;
        parts[i] = rest.substr(0, dot);
        rest.remove_prefix(last ? rest.size() : dot + 1);
    }
    auto token = codec::from_base64(parts[0]);
    auto price = parse_number(parts[1]);
    auto expires_at = parse_number(parts[2]);
    auto sealed = codec::from_base64(parts[4]);
    if (!token || !price || !expires_at || *expires_at > INT32_MAX * 1000ULL || !sealed) return std::nullopt;
    std::optional<l402::Credential> credential = read_token(*token);
    if (!credential) return std::nullopt;
    std::chrono::sys_seconds expiry{std::chrono::seconds(*expires_at)};
    PayTicket ticket{std::move(*token), Msat(*price), expiry, std::string(parts[3])};
    std::string signed_part(value.substr(0, value.size() - parts[4].size() - 1));
    return SealedTicket{std::move(ticket), std::move(*credential), std::move(signed_part), std::move(*sealed)};
}

bool is_genuine(const SealedTicket& ticket, const l402::KeyRing& keys) {
    auto expected = seal_of(ticket.signed_part, ticket.credential.identifier.epoch(), keys);
    return expected && crypto::equal_constant_time(*expected, ticket.seal);
}

std::string offer_name(std::string_view service, std::string_view route, Msat price) {
    std::string out(service);
    if (!route.empty()) (out += separator) += route;
    return (out += separator) + std::to_string(price.value());
}

std::vector<PayCookie> find_offer_cookies(const http::RequestHead& head, std::string_view offer) {
    return find_cookies(head, [offer](std::string_view found) { return found == offer; });
}

std::vector<PayCookie> find_pay_cookies(const http::RequestHead& head) {
    return find_cookies(head, [](std::string_view) { return true; });
}

std::vector<PayCookie> find_service_cookies(const http::RequestHead& head, std::string_view service) {
    return find_cookies(head, [service](std::string_view found) {
        return found.size() > service.size() && found[service.size()] == separator &&
               found.substr(0, service.size()) == service;
    });
}

std::string without_pay_cookies(std::string_view value) {
    std::string out;
    for_each_cookie(value, [&](std::string_view pair, std::string_view name, std::string_view) {
        if (name.substr(0, pay_cookie_prefix.size()) == pay_cookie_prefix) return;
        if (!out.empty()) out += "; ";
        out += pair;
    });
    return out;
}

std::string set_cookie(std::string_view name, std::string_view value, const CookieScope& scope) {
    std::string out(name);
    out.append("=").append(value);
    if (!scope.path.empty()) out.append("; Path=").append(encode_path(scope.path));
    out.append("; Max-Age=").append(std::to_string(scope.max_age.count()));
    out.append("; HttpOnly; SameSite=Lax");
    if (scope.secure) out.append("; Secure");
    return out;
}

}  // namespace millrace::pages
