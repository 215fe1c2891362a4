#include "common/l402/work.hpp"

#include <array>
#include <bit>
#include <boost/algorithm/string/predicate.hpp>
#include <charconv>

#include "common/codec/auth_challenges.hpp"
#include "common/codec/base64.hpp"
#include "common/codec/field_value.hpp"

namespace millrace::l402 {
namespace {

using codec::trim;

constexpr std::string_view caveat_name = "pow=";
constexpr std::string_view suffix = ":POW";
constexpr std::size_t max_size = 16 * 1024;
constexpr unsigned most_bits = 255;

// What stands behind the scheme; empty where it is another one.
std::string_view after_scheme(std::string_view value) {
    value = trim(value);
    const std::string_view scheme = value.substr(0, 4);
    if (!boost::iequals(scheme, "L402") && !boost::iequals(scheme, "LSAT")) return {};
    if (value.size() < 6 || (value[4] != ' ' && value[4] != '\t')) return {};
    return trim(value.substr(4));
}

template <class Number>
std::optional<Number> parse_number(std::string_view text, int base) {
    Number out = 0;
    const auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), out, base);
    if (errc != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return out;
}

}  // namespace

std::string work_line(std::string_view token_base64, unsigned bits) {
    std::string out = "L402 macaroon=\"";
    out.append(token_base64).append("\", pow=\"").append(std::to_string(bits)).append("\"");
    return out;
}

std::optional<WorkTask> parse_work(std::span<const std::string> www_authenticate) {
    for (const codec::AuthChallenge& offered : codec::parse_auth_challenges(www_authenticate)) {
        if (!offered.is("L402") && !offered.is("LSAT")) continue;
        const auto bits = parse_number<unsigned>(offered.first("pow"), 10);
        if (!bits || *bits > most_bits) continue;
        const Result<Bytes> bytes = codec::from_base64(offered.first("macaroon"));
        if (!bytes || bytes->size() > max_size) continue;
        Result<macaroon::Macaroon> macaroon = macaroon::decode(*bytes);
        if (!macaroon) continue;
        const Result<Identifier> identifier = Identifier::decode(macaroon->identifier);
        if (identifier) return WorkTask{std::move(*macaroon), identifier->token_id, *bits};
    }
    return std::nullopt;
}

crypto::Digest work_digest(const TokenId& token_id, std::uint64_t nonce) {
    std::array<std::uint8_t, TokenId::length + 8> bytes{};
    std::copy(token_id.view().begin(), token_id.view().end(), bytes.begin());
    for (std::size_t i = 0; i < 8; ++i) bytes[TokenId::length + i] = static_cast<std::uint8_t>(nonce >> (56 - 8 * i));
    return crypto::sha256(bytes);
}

unsigned leading_zero_bits(const crypto::Digest& digest) {
    unsigned out = 0;
    for (const std::uint8_t byte : digest) {
        out += static_cast<unsigned>(std::countl_zero(byte));
        if (byte != 0) break;
    }
    return out;
}

std::optional<std::uint64_t> solve_work(const TokenId& token_id, unsigned bits, std::uint64_t tries) {
    for (std::uint64_t nonce = 0; nonce < tries; ++nonce) {
        if (leading_zero_bits(work_digest(token_id, nonce)) >= bits) return nonce;
    }
    return std::nullopt;
}

std::string work_caveat(const WorkSolution& solution) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out = std::string(caveat_name) + std::to_string(solution.bits) + ':';
    for (unsigned shift = 64; shift > 0; shift -= 4) out += digits[solution.nonce >> (shift - 4) & 0xFU];
    return out;
}

std::optional<WorkSolution> parse_work_caveat(std::string_view caveat) {
    if (!caveat.starts_with(caveat_name)) return std::nullopt;
    caveat.remove_prefix(caveat_name.size());
    const std::size_t colon = caveat.find(':');
    if (colon == std::string_view::npos || caveat.size() - colon - 1 > 16) return std::nullopt;
    const auto bits = parse_number<unsigned>(caveat.substr(0, colon), 10);
    const auto nonce = parse_number<std::uint64_t>(caveat.substr(colon + 1), 16);
    if (!bits || *bits > most_bits || !nonce) return std::nullopt;
    return WorkSolution{*bits, *nonce};
}

std::string work_authorization(const macaroon::Macaroon& solved) {
    return "L402 " + codec::to_base64(macaroon::encode_v2(solved)) + std::string(suffix);
}

bool is_work_authorization(std::string_view value) {
    return after_scheme(value).ends_with(suffix);
}

Result<macaroon::Macaroon> parse_work_authorization(std::string_view value) {
    if (value.size() > max_size || !is_work_authorization(value))
        return fail(Errc::malformed_credential, "it must be L402, a base64 macaroon and :POW");
    std::string_view token = after_scheme(value);
    token.remove_suffix(suffix.size());
    const Result<Bytes> bytes = codec::from_base64(trim(token));
    if (!bytes) return fail(Errc::malformed_credential, "the macaroon is " + bytes.error().message);
    Result<macaroon::Macaroon> macaroon = macaroon::decode(*bytes);
    if (!macaroon) return fail(Errc::malformed_credential, macaroon.error().message);
    if (const Result<Identifier> identifier = Identifier::decode(macaroon->identifier); !identifier)
        return identifier.error();
    return macaroon;
}

}  // namespace millrace::l402
