#include "common/payment/credential.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <boost/json/parse.hpp>

#include "common/codec/base64.hpp"
#include "common/codec/field_value.hpp"
#include "common/json/fields.hpp"
#include "common/payment/canonical_json.hpp"

namespace millrace::payment {
namespace {

using codec::trim;

constexpr std::string_view scheme = "Payment";

Error malformed(std::string_view why) {
    return fail(Errc::malformed_credential, why);
}

Result<Challenge> read_challenge(const boost::json::value& value) {
    json::Fields in(value, "challenge");
    Challenge out;
    out.id = in.string("id");
    out.realm = in.optional_string("realm").value_or("");
    out.method = in.optional_string("method").value_or("");
    out.intent = in.optional_string("intent").value_or("");
    out.request = in.optional_string("request").value_or("");
    out.expires = in.optional_string("expires").value_or("");
    out.digest = in.optional_string("digest").value_or("");
    out.description = in.optional_string("description").value_or("");
    out.opaque = in.optional_string("opaque").value_or("");
    out.header = in.optional_string("header").value_or("");
    if (in.fault()) return malformed(in.fault()->message);
    if (out.id.empty()) return malformed("challenge: id: must not be empty");
    return out;
}

}  // namespace

bool is_payment_authorization(std::string_view value) {
    value = trim(value);
    if (!boost::iequals(value.substr(0, scheme.size()), scheme)) return false;
    return value.size() == scheme.size() || codec::is_blank(value[scheme.size()]);
}

Result<Credential> parse_credential(std::string_view value) {
    if (!is_payment_authorization(value)) return malformed("it must begin with Payment");
    const std::string_view token = trim(trim(value).substr(scheme.size()));
    if (token.empty()) return malformed("nothing follows the scheme");
    if (token.size() / 4 * 3 > max_credential_size) return malformed("more than 64 KiB");
    const Result<Bytes> bytes = codec::from_base64url(token);
    if (!bytes) return malformed(bytes.error().message);
    boost::system::error_code bad_json;
    const boost::json::value document = boost::json::parse(as_text(*bytes), bad_json);
    if (bad_json || !document.is_object()) return malformed("what is encoded is not a JSON object");

    const boost::json::value* echo = document.get_object().if_contains("challenge");
    if (echo == nullptr || !echo->is_object()) return malformed("challenge: must be an object");
    Result<Challenge> challenge = read_challenge(*echo);
    if (!challenge) return challenge.error();
    const boost::json::value* payload = document.get_object().if_contains("payload");
    if (payload == nullptr || !payload->is_object()) return malformed("payload: must be an object");
    return Credential{std::move(*challenge), payload->get_object()};
}

std::string authorization_value(const Challenge& challenge, const Preimage& preimage) {
    return authorization_value(challenge, boost::json::object{{"preimage", preimage.reveal_hex()}});
}

std::string authorization_value(const Challenge& challenge, boost::json::object payload) {
    boost::json::object echo{{"id", challenge.id},
                             {"realm", challenge.realm},
                             {"method", challenge.method},
                             {"intent", challenge.intent},
                             {"request", challenge.request}};
    for (const auto& [name, text] : {std::pair{"expires", &challenge.expires},
                                     {"digest", &challenge.digest},
                                     {"description", &challenge.description},
                                     {"opaque", &challenge.opaque},
                                     {"header", &challenge.header}}) {
        if (!text->empty()) echo[name] = *text;
    }
    const boost::json::object document{{"challenge", std::move(echo)}, {"payload", std::move(payload)}};
    return "Payment " + codec::to_base64url(as_bytes(canonical_json(document)));
}

}  // namespace millrace::payment
