#include "common/payment/credential_field.hpp"

#include "common/payment/credential.hpp"
#include "tests/unit/catch.hpp"

namespace millrace::payment {
namespace {

std::optional<std::string> field_of(std::string header) {
    Challenge challenge;
    challenge.header = std::move(header);
    return credential_field(challenge);
}

TEST_CASE("C3: a credential goes in Authorization, or in the field that the challenge names") {
    CHECK(field_of("") == "Authorization");
    for (const char* name : {"Authorization", "Payment-Authorization", "X-Payment", "x402", "Api_Key", "Credential",
                             "Contents", "Hosts", "Secure", "Iffy"}) {
        CHECK(field_of(name) == name);
    }
}

TEST_CASE("C3: fields that frame, route or describe a message carry no credential") {
    for (const char* name : {"Host",
                             "HOST",
                             "Content-Length",
                             "content-type",
                             "Transfer-Encoding",
                             "Connection",
                             "Keep-Alive",
                             "TE",
                             "Trailer",
                             "Upgrade",
                             "Expect",
                             "Proxy-Authorization",
                             "proxy-connection",
                             "Cookie",
                             "Set-Cookie",
                             "Accept",
                             "Accept-Payment",
                             "Range",
                             "If-Match",
                             "User-Agent",
                             "Referer",
                             "Origin",
                             "Via",
                             "Forwarded",
                             "X-Forwarded-For",
                             "X-Real-IP",
                             "Sec-Fetch-Site",
                             "Access-Control-Request-Method",
                             "HTTP2-Settings",
                             "X-HTTP-Method-Override",
                             "X-L402-Service",
                             "a b",
                             "a:b",
                             "a\r\nb",
                             "a\"b",
                             "\xC3\xA4"}) {
        INFO(name);
        CHECK_FALSE(field_of(name));
    }
    CHECK_FALSE(field_of(std::string(65, 'a')));
}

TEST_CASE("C3: the challenge is echoed with its header, and what else it says is left out") {
    const std::vector<std::string> line{
        R"(Payment id="i", realm="r", method="lightning", intent="charge", request="e30", header="X-Pay", later="1")"};
    const Challenge challenge = parse_challenges(line).value().front();
    CHECK(challenge.header == "X-Pay");
    CHECK(challenge_line(challenge).find(R"(header="X-Pay")") != std::string::npos);
    const Credential echoed = parse_credential(authorization_value(challenge, boost::json::object{})).value();
    CHECK(echoed.challenge == challenge);
}

}  // namespace
}  // namespace millrace::payment
