#include "common/payment/challenge.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <optional>

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
    {"id", &Challenge::id, true},
    {"realm", &Challenge::realm, true},
    {"method", &Challenge::method, true},
    {"intent", &Challenge::intent, true},
    {"request", &Challenge::request, true},
    {"expires", &Challenge::expires, false},
    {"digest", &Challenge::digest, false},
    {"description", &Challenge::description, false},
    {"opaque", &Challenge::opaque, false},
};

bool is_space(char c) {
    return c == ' ' || c == '\t';
}

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

// Reads one header value word by word.
class Reader {
  public:
    explicit Reader(std::string_view text) : rest_(text) {}

    void skip_separators() {
        while (!rest_.empty() && (is_space(rest_.front()) || rest_.front() == ',')) rest_.remove_prefix(1);
    }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }

    // A scheme, or the name of a parameter; empty where neither stands here.
    std::string_view word() {
        std::size_t end = 0;
        while (end < rest_.size() && !is_space(rest_[end]) && rest_[end] != ',' && rest_[end] != '=' &&
               rest_[end] != '"')
            ++end;
        return take(end);
    }

    // "=", with or without space around it.
    bool equals_sign() {
        const std::string_view before = rest_;
        skip_space();
        if (!rest_.starts_with('=')) {
            rest_ = before;
            return false;
        }
        rest_.remove_prefix(1);
        skip_space();
        return true;
    }

    // A token or a quoted string; empty where the quotes are not closed.
    std::optional<std::string> value() {
        if (!rest_.starts_with('"')) {
            std::size_t end = 0;
            while (end < rest_.size() && !is_space(rest_[end]) && rest_[end] != ',') ++end;
            return std::string(take(end));
        }
        rest_.remove_prefix(1);
        std::string out;
        while (!rest_.empty() && rest_.front() != '"') {
            if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
            out += take(1);
        }
        if (rest_.empty()) return std::nullopt;
        rest_.remove_prefix(1);
        return out;
    }

    void skip_one() { rest_.remove_prefix(1); }

  private:
    void skip_space() {
        while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
    }
    std::string_view take(std::size_t count) {
        const std::string_view out = rest_.substr(0, count);
        rest_.remove_prefix(out.size());
        return out;
    }

    std::string_view rest_;
};

void set_first(Challenge& challenge, std::string_view name, std::string value) {
    for (const Parameter& parameter : parameters) {
        std::string& member = challenge.*parameter.member;
        if (boost::iequals(name, parameter.name) && member.empty()) member = std::move(value);
    }
}

bool is_complete(const Challenge& challenge) {
    for (const Parameter& parameter : parameters) {
        if (parameter.required && (challenge.*parameter.member).empty()) return false;
    }
    return true;
}

void read_line(std::string_view line, std::vector<Challenge>& out) {
    Reader in(line);
    std::optional<Challenge> current;  // empty within another scheme
    const auto finish = [&] {
        if (current && is_complete(*current)) out.push_back(std::move(*current));
        current.reset();
    };
    while (true) {
        in.skip_separators();
        if (in.at_end()) break;
        const std::string_view word = in.word();
        if (word.empty()) {
            in.skip_one();
            continue;
        }
        if (!in.equals_sign()) {  // a scheme: a parameter's name is followed by "="
            finish();
            if (boost::iequals(word, scheme)) current.emplace();
            continue;
        }
        std::optional<std::string> value = in.value();
        if (!value) break;  // cut off: what is missing is not guessed
        if (current) set_first(*current, word, std::move(*value));
    }
    finish();
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
    for (const std::string& line : www_authenticate) read_line(line, out);
    if (out.empty()) return fail(Errc::malformed_challenge, "WWW-Authenticate offers none, or none that is complete");
    return out;
}

}  // namespace millrace::payment
