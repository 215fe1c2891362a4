#include "common/payment/challenge.hpp"

#include "common/codec/auth_challenges.hpp"
#include "common/codec/base64.hpp"
#include "common/crypto/hash.hpp"

namespace millrace {

const char* ErrcText<payment::Errc>::text(payment::Errc errc) {
    switch (errc) {
        case payment::Errc::malformed_challenge:
            return "no Payment challenge that can be read";
        case payment::Errc::malformed_credential:
            return "malformed Payment credential";
        case payment::Errc::malformed_request:
            return "malformed Payment request";
        case payment::Errc::malformed_preferences:
            return "malformed Accept-Payment";
        case payment::Errc::malformed_time:
            return "malformed date and time";
        case payment::Errc::bad_return_invoice:
            return "the return invoice cannot be used";
    }
    return "unknown Payment error";
}

}  // namespace millrace

namespace millrace::payment {
namespace {

constexpr std::string_view scheme = "Payment";

struct Parameter {
    std::string_view name;
    std::string Challenge::*member;
    bool required;
};

// In the order in which a line has them.
constexpr Parameter parameters[] = {
    {"id", &Challenge::id, true},           {"realm", &Challenge::realm, true},
    {"method", &Challenge::method, true},   {"intent", &Challenge::intent, true},
    {"request", &Challenge::request, true}, {"expires", &Challenge::expires, false},
    {"digest", &Challenge::digest, false},  {"description", &Challenge::description, false},
    {"opaque", &Challenge::opaque, false},  {"header", &Challenge::header, false},
};

void append_quoted(std::string_view text, std::string& out) {
    out += '"';
    for (const char c : text) {
        const bool control = (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
        if (control) continue;
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    out += '"';
}

bool is_complete(const Challenge& challenge) {
    for (const Parameter& parameter : parameters) {
        if (parameter.required && (challenge.*parameter.member).empty()) return false;
    }
    return true;
}

}  // namespace

std::string challenge_id(ByteView secret, const Challenge& challenge) {
    std::string signed_text;
    for (const std::string* part : {&challenge.realm, &challenge.method, &challenge.intent, &challenge.request,
                                    &challenge.expires, &challenge.digest, &challenge.opaque}) {
        if (part != &challenge.realm) signed_text += '|';
        signed_text += *part;
    }
    return codec::to_base64url(crypto::hmac_sha256(secret, as_bytes(signed_text)));
}

std::string challenge_line(const Challenge& challenge) {
    std::string out(scheme);
    char separator = ' ';
    for (const Parameter& parameter : parameters) {
        const std::string& value = challenge.*parameter.member;
        if (value.empty() && !parameter.required) continue;
        if (separator == ',') out += ',';
        out.append(" ").append(parameter.name).append("=");
        append_quoted(value, out);
        separator = ',';
    }
    return out;
}

Result<std::vector<Challenge>> parse_challenges(std::span<const std::string> www_authenticate) {
    std::vector<Challenge> out;
    for (const codec::AuthChallenge& offered : codec::parse_auth_challenges(www_authenticate)) {
        if (!offered.is(scheme)) continue;
        Challenge challenge;
        for (const Parameter& parameter : parameters) challenge.*parameter.member = offered.first(parameter.name);
        if (is_complete(challenge)) out.push_back(std::move(challenge));
    }
    if (out.empty()) return fail(Errc::malformed_challenge, "WWW-Authenticate offers none, or none that is complete");
    return out;
}

}  // namespace millrace::payment
