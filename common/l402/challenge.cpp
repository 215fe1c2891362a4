#include "common/l402/challenge.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <optional>

#include "common/codec/base64.hpp"

namespace millrace::l402 {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t'; }

bool is_scheme(std::string_view word) { return boost::iequals(word, "L402") || boost::iequals(word, "LSAT"); }

void skip_separators(std::string_view& in) {
    while (!in.empty() && (is_space(in.front()) || in.front() == ',')) in.remove_prefix(1);
}

std::string_view take_word(std::string_view& in) {
    std::size_t end = 0;
    while (end < in.size() && !is_space(in[end]) && in[end] != ',' && in[end] != '=' && in[end] != '"') ++end;
    const std::string_view word = in.substr(0, end);
    in.remove_prefix(end);
    return word;
}

// A quoted string with backslash escapes, or everything up to a space or a comma.
std::string take_value(std::string_view& in) {
    std::string out;
    if (!in.starts_with('"')) {
        std::size_t end = 0;
        while (end < in.size() && !is_space(in[end]) && in[end] != ',') ++end;
        out = std::string(in.substr(0, end));
        in.remove_prefix(end);
        return out;
    }
    in.remove_prefix(1);
    while (!in.empty() && in.front() != '"') {
        if (in.front() == '\\' && in.size() > 1) in.remove_prefix(1);
        out += in.front();
        in.remove_prefix(1);
    }
    if (!in.empty()) in.remove_prefix(1);
    return out;
}

struct Parameters {
    std::string token;  // of `macaroon=` or `token=`, the first of them
    std::string invoice;
};

// The parameters of the first L402 or LSAT challenge in one header value; empty where there is none.
std::optional<Parameters> find_parameters(std::string_view in) {
    std::optional<Parameters> out;
    while (true) {
        skip_separators(in);
        if (in.empty()) return out;
        const std::string_view word = take_word(in);
        if (word.empty()) {
            in.remove_prefix(1);
            continue;
        }
        if (!in.starts_with('=')) {  // a scheme: a parameter's name is followed by "="
            if (out) return out;
            if (is_scheme(word)) out.emplace();
            continue;
        }
        in.remove_prefix(1);
        const std::string value = take_value(in);
        if (!out) continue;
        if ((boost::iequals(word, "macaroon") || boost::iequals(word, "token")) && out->token.empty()) out->token = value;
        if (boost::iequals(word, "invoice") && out->invoice.empty()) out->invoice = value;
    }
}

}  // namespace

std::vector<std::string> challenge_lines(std::string_view token_base64, std::string_view bolt11, bool lsat) {
    std::string common = "macaroon=\"";
    common.append(token_base64).append("\", invoice=\"").append(bolt11).append("\"");
    std::string current = "L402 " + common + ", version=\"0\", token=\"";
    current.append(token_base64).append("\"");
    if (!lsat) return {std::move(current)};
    return {"LSAT " + common, std::move(current)};
}

Result<Challenge> parse_challenge(std::span<const std::string> www_authenticate) {
    for (const std::string& line : www_authenticate) {
        const std::optional<Parameters> parameters = find_parameters(line);
        if (!parameters) continue;
        if (parameters->token.empty()) return fail(Errc::malformed_challenge, "no macaroon");
        if (parameters->invoice.empty()) return fail(Errc::malformed_challenge, "no invoice");
        const Result<Bytes> bytes = codec::from_base64(parameters->token);
        if (!bytes) return fail(Errc::malformed_challenge, "the macaroon is " + bytes.error().message);
        Result<macaroon::Macaroon> macaroon = macaroon::decode(*bytes);
        if (!macaroon) return fail(Errc::malformed_challenge, macaroon.error().message);
        return Challenge{parameters->token, std::move(*macaroon), parameters->invoice};
    }
    return fail(Errc::malformed_challenge, "no L402 or LSAT challenge in WWW-Authenticate");
}

}  // namespace millrace::l402
