#include "common/l402/credential.hpp"

#include <cctype>

#include "common/codec/base64.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/common/l402/fixtures.hpp"

namespace millrace::l402 {
namespace {

using Headers = std::vector<HeaderField>;

const std::string token = fixtures::computed_macaroon;
const std::string preimage = fixtures::computed_preimage;
const Bytes token_bytes = codec::from_base64(token).value();

// The token with `preimage=<hex>` appended, as lnget and Aperture's client send it.
Bytes extended_bytes(std::string_view value = fixtures::computed_preimage) {
    macaroon::Macaroon macaroon = fixtures::decode(token);
    macaroon.add_first_party_caveat("preimage=" + std::string(value));
    return macaroon::encode_v2(macaroon);
}

std::string upper(std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}

std::string without_padding(std::string text) {
    while (text.ends_with('=')) text.pop_back();
    return text;
}

// The credential of these headers; fails the test where it is not the fixture's.
void require_found(const Headers& headers) {
    const Result<std::optional<Credential>> found = find_credential(headers);
    REQUIRE(found);
    REQUIRE(found->has_value());
    const Credential& credential = **found;
    CHECK(credential.identifier.payment_hash.hex() == fixtures::computed_hash);
    CHECK(credential.identifier.token_id.hex() == fixtures::computed_token_id);
    CHECK(credential.preimage.reveal_hex() == fixtures::computed_preimage);
    CHECK(credential.macaroon.verifies(SecretKey::from_hex(fixtures::computed_root_key).value().reveal()));
}

void require_error(const Headers& headers, Errc errc) {
    const Result<std::optional<Credential>> found = find_credential(headers);
    REQUIRE_FALSE(found);
    CAPTURE(found.error().message);
    CHECK(is(found.error(), errc));
    // What is refused is not repeated: it may hold the preimage of a payment.
    CHECK(found.error().message.find(preimage.substr(0, 16)) == std::string::npos);
}

TEST_CASE("The computed token has the published signature, with and without the preimage caveat") {
    macaroon::Macaroon macaroon = fixtures::decode(token);
    CHECK(codec::to_hex(macaroon.signature) == fixtures::computed_signature);
    CHECK(codec::to_base64(macaroon::encode_v2(macaroon)) == token);
    REQUIRE(macaroon.caveats.size() == 3);
    CHECK(macaroon.caveats[0].text() == "services=service1:0");
    CHECK(macaroon.caveats[1].text() == "service1_capabilities=add,subtract");
    CHECK(macaroon.caveats[2].text() == "service1_valid_until=1735689600");
    macaroon.add_first_party_caveat("preimage=" + preimage);
    CHECK(codec::to_hex(macaroon.signature) == fixtures::computed_signature_with_preimage);
}

TEST_CASE("A credential is read in every form that clients in the wild send") {
    const std::string url_safe = codec::to_base64url(token_bytes);
    const std::string values[] = {
        "L402 " + token + ":" + preimage,
        "LSAT " + token + ":" + preimage,
        "l402 " + token + ":" + preimage,
        "lsat " + token + ":" + preimage,
        "lSaT " + token + ":" + preimage,
        "L402   " + token + ":" + preimage,
        "L402 " + token + ":" + upper(preimage),
        "L402 " + without_padding(token) + ":" + preimage,
        "L402 " + url_safe + ":" + preimage,
        "  L402 " + token + ":" + preimage + " ",
        "L402 " + codec::to_base64(extended_bytes()) + ":" + preimage,
        "L402 " + codec::to_base64url(extended_bytes()) + ":" + preimage,
        "L402 " + codec::to_base64(extended_bytes()),  // the preimage from its caveat
    };
    for (const std::string& value : values) {
        CAPTURE(value);
        require_found({{"Authorization", value}});
        require_found({{"authorization", value}});
        require_found({{"Host", "x"}, {"AUTHORIZATION", value}, {"Accept", "*/*"}});
        CHECK(parse_authorization(value));
    }
}

TEST_CASE("A credential in a header of its own is hexadecimal and brings the preimage as a caveat") {
    const std::string hex = codec::to_hex(extended_bytes());
    for (const char* name : {"Macaroon", "Token", "Grpc-Metadata-Macaroon", "Grpc-Metadata-Token", "macaroon", "TOKEN",
                             "grpc-metadata-macaroon"}) {
        CAPTURE(name);
        CHECK(is_credential_header(name));
        require_found({{name, hex}});
        require_found({{name, upper(hex)}});
        require_found({{"Authorization", "Bearer abc"}, {name, hex}});
        require_error({{name, codec::to_hex(token_bytes)}}, Errc::malformed_credential);  // no preimage
        require_error({{name, codec::to_base64(extended_bytes())}}, Errc::malformed_credential);
        require_error({{name, ""}}, Errc::malformed_credential);
    }
    CHECK(is_credential_header("Authorization"));
    CHECK(is_credential_header("authorization"));
    for (const char* name : {"X-Macaroon", "Macaroons", "Proxy-Authorization", "Cookie", "", "Toke"}) {
        CAPTURE(name);
        CHECK_FALSE(is_credential_header(name));
    }
}

TEST_CASE("The last preimage caveat decides, as in Aperture") {
    macaroon::Macaroon macaroon = fixtures::decode(token);
    macaroon.add_first_party_caveat("preimage=" + std::string(64, 'b'));
    macaroon.add_first_party_caveat("preimage=" + preimage);
    require_found({{"Macaroon", codec::to_hex(macaroon::encode_v2(macaroon))}});
    macaroon.add_first_party_caveat("something=else");  // its place does not matter
    require_found({{"Macaroon", codec::to_hex(macaroon::encode_v2(macaroon))}});
    macaroon.add_first_party_caveat("preimage=" + preimage.substr(2));
    require_error({{"Macaroon", codec::to_hex(macaroon::encode_v2(macaroon))}}, Errc::malformed_credential);
}

TEST_CASE("An L402 Authorization goes before the headers of its own") {
    const std::string good = "L402 " + token + ":" + preimage;
    require_found({{"Macaroon", "not hex"}, {"Authorization", good}});
    require_found({{"Authorization", good}, {"Token", codec::to_hex(extended_bytes(std::string(64, 'b')))}});
    require_error({{"Authorization", "L402 nonsense"}, {"Macaroon", codec::to_hex(extended_bytes())}},
                  Errc::malformed_credential);
}

TEST_CASE("No credential is no error: other schemes and other headers are left alone") {
    const Headers cases[] = {
        {},
        {{"Host", "example.com"}},
        {{"Authorization", ""}},
        {{"Authorization", "Bearer x"}},
        {{"Authorization", "Basic dXNlcjpwYXNz"}},
        {{"Authorization", "Payment eyJ4IjoxfQ"}},
        // An unanchored reader would find a credential in these.
        {{"Authorization",
          "Bearer x L402 AgEEbHNhdA==:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}},
        {{"Authorization", "XL402 AgEEbHNhdA==:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}},
        {{"Authorization", "L4021 x:y"}},
        {{"Authorization", "L402:x"}},
        {{"Cookie", "L402 AgEEbHNhdA=="}},
        {{"X-Authorization", "L402 AgEEbHNhdA==:00"}},
    };
    for (const Headers& headers : cases) {
        CAPTURE(headers.empty() ? std::string() : std::string(headers[0].second));
        const Result<std::optional<Credential>> found = find_credential(headers);
        REQUIRE(found);
        CHECK_FALSE(found->has_value());
    }
}

TEST_CASE("A malformed L402 Authorization is refused") {
    const std::string values[] = {
        "L402",
        "L402 ",
        "L402 :",
        "L402 :" + preimage,
        "L402 " + token,  // the invoice's lookup by the server is not offered
        "L402 " + token + ":",
        "L402 " + token + ":" + preimage.substr(1),
        "L402 " + token + ":" + preimage + "a",
        "L402 " + token + ":" + preimage + preimage.substr(32),  // 48 bytes, as one wallet returns
        "L402 " + token + ":" + std::string(64, 'g'),
        "L402 " + token + ":0x" + preimage.substr(2),
        "L402 " + token + " " + preimage,
        "L402 " + token + "::" + preimage,
        "L402 " + token + ":" + preimage + ":" + preimage,
        "L402 " + token + ":" + preimage + ", L402 " + token + ":" + preimage,
        "L402 " + token + "," + token + ":" +
            preimage,  // several macaroons, which the specification allows and nobody sends
        "L402 L402 " + token + ":" + preimage,
        "L402 \"" + token + "\":" + preimage,
        "L402 macaroon=\"" + token + "\"",
        "L402 " + token.substr(0, 60) + ":" + preimage,
        "L402 " + token + "A:" + preimage,
        "L402 *:" + preimage,
        "L402 AGIAJEemVQUTEyNCR0exk7ek90Cg==:" + preimage,
        "L402 " + token.substr(0, 20) + "\n" + token.substr(20) + ":" + preimage,
        "L402 30a47a6e9b0b3ab9f4280f08932cd7207b440f508580d3eb5563eb4a3d8009ff",
    };
    for (const std::string& value : values) {
        CAPTURE(value);
        require_error({{"Authorization", value}}, Errc::malformed_credential);
        const Result<Credential> parsed = parse_authorization(value);
        REQUIRE_FALSE(parsed);
        CHECK(is(parsed.error(), Errc::malformed_credential));
    }
    CHECK_FALSE(parse_authorization("Bearer x"));
    CHECK_FALSE(parse_authorization(""));
}

TEST_CASE("A macaroon that is no L402 token is refused as such") {
    // libmacaroons' example, and lsat-js's token with an identifier in text.
    for (const char* text : {"AgETaHR0cDovL2V4YW1wbGUub3JnLwIFa2V5aWQAAAYgfN7nklEcW8b1KEhYBd_psk54XijiqZMB-dcRxgnjjvc",
                             "AgEIbG9jYXRpb24ChAEwMDAwN2NlZjkzZjJjNTFhYTY1MjA4YmVjMTQ0N2ZjMzhmYzU4ZDliY2UxMzc1YTUzMmVkY"
                             "jBkY2QyOTBhMmMzMzBhZTljNTMyNjZi"
                             "MWJlMzE1MGI2NjZiM2Y2ZWM3MGYyOGJkNDNhOWQ0ZmQxOTQ2MWE2MjBmYmFjYzMzNzY4YTk5OTQAAhhleHBpcmF0a"
                             "W9uPTE2NDQxOTQyNjM2OTMAAAYg_1"
                             "CMq8TuMXv-ERHDWQCtlIhsQwwKiUDmnnh1maDFpkQ"}) {
        CAPTURE(text);
        require_error({{"Authorization", "L402 " + std::string(text) + ":" + preimage}}, Errc::bad_identifier);
    }
}

TEST_CASE("The tokens of real servers are read") {
    for (const char* text : {fixtures::aperture_macaroon, fixtures::alby_macaroon}) {
        const Result<Credential> credential = parse_authorization("LSAT " + std::string(text) + ":" + preimage);
        REQUIRE(credential);
        CHECK(credential->macaroon.location == "lsat");
    }
}

TEST_CASE("The same credential twice is one credential, two different ones are a conflict") {
    const std::string good = "L402 " + token + ":" + preimage;
    const std::string lsat = "LSAT " + token + ":" + preimage;
    require_found({{"Authorization", lsat}, {"Authorization", good}});  // as Aperture itself sends to its backends
    require_found({{"Authorization", good},
                   {"Authorization", "L402 " + codec::to_base64url(token_bytes) + ":" + upper(preimage)}});
    require_found({{"Authorization", "Bearer x"}, {"Authorization", good}});
    require_found({{"Authorization", good}, {"Authorization", "Bearer x"}});

    const std::string other_preimage = "L402 " + token + ":" + std::string(64, 'b');
    const std::string other_token = "L402 " + std::string(fixtures::aperture_macaroon) + ":" + preimage;
    const std::string attenuated = "L402 " + codec::to_base64(extended_bytes()) + ":" + preimage;
    for (const std::string& other : {other_preimage, other_token, attenuated}) {
        CAPTURE(other);
        require_error({{"Authorization", good}, {"Authorization", other}}, Errc::conflicting_credentials);
        require_error({{"Authorization", other}, {"Authorization", lsat}}, Errc::conflicting_credentials);
    }
    require_error({{"Authorization", good}, {"Authorization", "L402 nonsense"}}, Errc::malformed_credential);
    require_error({{"Authorization", "L402 nonsense"}, {"Authorization", good}}, Errc::malformed_credential);

    const std::string hex = codec::to_hex(extended_bytes());
    const std::string other_hex = codec::to_hex(extended_bytes(std::string(64, 'b')));
    require_found({{"Macaroon", hex}, {"Token", hex}, {"Grpc-Metadata-Macaroon", upper(hex)}});
    require_error({{"Macaroon", hex}, {"Token", other_hex}}, Errc::conflicting_credentials);
    require_error({{"Macaroon", hex}, {"Macaroon", other_hex}}, Errc::conflicting_credentials);
}

TEST_CASE("A credential beyond the size limits is refused") {
    // At the limit of bytes and of caveats, and one beyond.
    const std::string blanks(max_credential_size - token.size() - preimage.size() - 6, ' ');
    require_found({{"Authorization", "L402 " + blanks + token + ":" + preimage}});
    require_error({{"Authorization", "L402  " + blanks + token + ":" + preimage}}, Errc::malformed_credential);
    require_error({{"Authorization", "L402 " + std::string(1'000'000, 'A') + ":" + preimage}},
                  Errc::malformed_credential);
    require_error({{"Macaroon", std::string(1'000'000, '0')}}, Errc::malformed_credential);

    macaroon::Macaroon macaroon = fixtures::decode(token);
    while (macaroon.caveats.size() < macaroon::max_caveats) macaroon.add_first_party_caveat("c");
    require_found({{"Authorization", "L402 " + codec::to_base64(macaroon::encode_v2(macaroon)) + ":" + preimage}});
    macaroon.add_first_party_caveat("c");
    require_error({{"Authorization", "L402 " + codec::to_base64(macaroon::encode_v2(macaroon)) + ":" + preimage}},
                  Errc::malformed_credential);
}

TEST_CASE("A token in V1 form is read as well") {
    const auto packet = [](std::string_view name, std::string_view data) {
        const std::size_t length = name.size() + data.size() + 6;
        const std::uint8_t bytes[] = {static_cast<std::uint8_t>(length >> 8U), static_cast<std::uint8_t>(length)};
        return codec::to_hex(bytes) + std::string(name) + ' ' + std::string(data) + '\n';
    };
    const macaroon::Macaroon macaroon = fixtures::decode(token);
    std::string v1 = packet("location", "lsat") + packet("identifier", as_text(macaroon.identifier));
    for (const macaroon::Caveat& caveat : macaroon.caveats) v1 += packet("cid", caveat.text());
    v1 += packet("signature", as_text(macaroon.signature));
    require_found({{"Authorization", "L402 " + codec::to_base64(as_bytes(v1)) + ":" + preimage}});
    require_found({{"Authorization", "L402 " + codec::to_base64url(as_bytes(v1)) + ":" + preimage}});
}

TEST_CASE("What a client writes is what the server reads") {
    const std::string value = authorization_value(token, Preimage::from_hex(preimage).value());
    CHECK(value == "L402 " + token + ":" + preimage);
    require_found({{"Authorization", value}});
}

}  // namespace
}  // namespace millrace::l402
