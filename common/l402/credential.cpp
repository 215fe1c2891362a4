#include "common/l402/credential.hpp"

#include <boost/algorithm/string/predicate.hpp>

#include "common/codec/base64.hpp"
#include "common/codec/field_value.hpp"
#include "common/codec/hex.hpp"

namespace millrace::l402 {
namespace {

using codec::trim;

constexpr std::string_view preimage_caveat = "preimage=";

// In order of precedence, behind Authorization.
constexpr std::string_view hex_headers[] = {"Grpc-Metadata-Token", "Token", "Grpc-Metadata-Macaroon", "Macaroon"};

// What stands behind "L402 " or "LSAT "; empty where the value is of another scheme.
std::optional<std::string_view> after_scheme(std::string_view value) {
    const std::string_view trimmed = trim(value);
    constexpr std::size_t length = 4;
    if (trimmed.size() < length) return std::nullopt;
    const std::string_view scheme = trimmed.substr(0, length);
    if (!boost::iequals(scheme, "L402") && !boost::iequals(scheme, "LSAT")) return std::nullopt;
    if (trimmed.size() > length && trimmed[length] != ' ' && trimmed[length] != '\t') return std::nullopt;
    return trim(trimmed.substr(length));
}

Result<Credential> assemble(ByteView macaroon_bytes, const std::optional<Preimage>& stated_preimage) {
    Result<macaroon::Macaroon> macaroon = macaroon::decode(macaroon_bytes);
    if (!macaroon) return fail(Errc::malformed_credential, macaroon.error().message);
    const Result<Identifier> identifier = Identifier::decode(macaroon->identifier);
    if (!identifier) return identifier.error();
    if (stated_preimage) return Credential{std::move(*macaroon), *identifier, *stated_preimage};

    for (auto caveat = macaroon->caveats.rbegin(); caveat != macaroon->caveats.rend(); ++caveat) {
        const std::string_view text = caveat->text();
        if (!caveat->first_party() || !text.starts_with(preimage_caveat)) continue;
        const Result<Preimage> preimage = Preimage::from_hex(text.substr(preimage_caveat.size()));
        if (!preimage) return fail(Errc::malformed_credential, "the preimage caveat is not 64 hex digits");
        return Credential{std::move(*macaroon), *identifier, *preimage};
    }
    return fail(Errc::malformed_credential, "no preimage: it belongs behind a colon, or into a preimage= caveat");
}

Result<Credential> parse_authorization_rest(std::string_view rest) {
    const std::size_t colon = rest.rfind(':');
    const std::string_view token = trim(rest.substr(0, colon));
    std::optional<Preimage> preimage;
    if (colon != std::string_view::npos) {
        const Result<Preimage> stated = Preimage::from_hex(trim(rest.substr(colon + 1)));
        if (!stated) return fail(Errc::malformed_credential, "the preimage behind the colon is not 64 hex digits");
        preimage = *stated;
    }
    const Result<Bytes> bytes = codec::from_base64(token);
    if (!bytes) return fail(Errc::malformed_credential, "the macaroon is " + bytes.error().message);
    return assemble(*bytes, preimage);
}

Result<Credential> parse_hex_header(std::string_view value) {
    const Result<Bytes> bytes = codec::from_hex(trim(value));
    if (!bytes) return fail(Errc::malformed_credential, "the macaroon in this header must be hexadecimal");
    return assemble(*bytes, std::nullopt);
}

// Two forms of one credential: the same identifier and the same preimage. The signature may differ in form (an appended
// preimage caveat), the rights may not: where both verify, both were minted as one token.
bool same(const Credential& left, const Credential& right) {
    return left.macaroon.identifier == right.macaroon.identifier &&
           left.macaroon.signature == right.macaroon.signature && left.preimage.equals(right.preimage);
}

}  // namespace

bool is_credential_header(std::string_view name) {
    for (const std::string_view header : hex_headers) {
        if (boost::iequals(name, header)) return true;
    }
    return boost::iequals(name, "Authorization");
}

Result<std::optional<Credential>> find_credential(std::span<const HeaderField> headers) {
    std::optional<Credential> found;
    const auto take = [&found](Result<Credential> parsed) -> std::optional<Error> {
        if (!parsed) return parsed.error();
        if (found && !same(*found, *parsed)) return fail(Errc::conflicting_credentials);
        found = std::move(*parsed);
        return std::nullopt;
    };

    for (const auto& [name, value] : headers) {
        if (!boost::iequals(name, "Authorization")) continue;
        const std::optional<std::string_view> rest = after_scheme(value);
        if (!rest) continue;
        if (value.size() > max_credential_size) return fail(Errc::malformed_credential, "more than 16 KiB");
        if (std::optional<Error> error = take(parse_authorization_rest(*rest))) return *std::move(error);
    }
    if (found) return found;

    for (const std::string_view header : hex_headers) {
        for (const auto& [name, value] : headers) {
            if (!boost::iequals(name, header)) continue;
            if (value.size() > 2 * max_credential_size) return fail(Errc::malformed_credential, "more than 16 KiB");
            if (std::optional<Error> error = take(parse_hex_header(value))) return *std::move(error);
        }
    }
    return found;
}

Result<Credential> parse_authorization(std::string_view value) {
    if (value.size() > max_credential_size) return fail(Errc::malformed_credential, "more than 16 KiB");
    const std::optional<std::string_view> rest = after_scheme(value);
    if (!rest) return fail(Errc::malformed_credential, "it must begin with L402 or LSAT");
    return parse_authorization_rest(*rest);
}

std::string authorization_value(std::string_view token_base64, const Preimage& preimage) {
    std::string out = "L402 ";
    out.append(token_base64).append(":").append(preimage.reveal_hex());
    return out;
}

}  // namespace millrace::l402
