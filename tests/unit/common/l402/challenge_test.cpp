#include "common/l402/challenge.hpp"

#include <algorithm>

#include "common/bolt11/invoice.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/common/l402/client_parsers.hpp"
#include "tests/unit/common/l402/fixtures.hpp"

namespace millrace::l402 {
namespace {

using Lines = std::vector<std::string>;

const std::string token = fixtures::computed_macaroon;
const std::string invoice = fixtures::aperture_invoice;

std::string joined(const Lines& lines) {
    std::string out;
    for (const std::string& line : lines) out += (out.empty() ? "" : ", ") + line;
    return out;
}

TEST_CASE("The lines of a challenge are those that every client reads, byte for byte") {
    const Lines lines = challenge_lines("X", "P");
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] == R"(LSAT macaroon="X", invoice="P")");
    CHECK(lines[1] == R"(L402 macaroon="X", invoice="P", version="0", token="X")");
}

TEST_CASE("C10: without LSAT the L402 line is as it was, and all that is there") {
    const Lines lines = challenge_lines("X", "P", false);
    CHECK(lines == Lines{R"(L402 macaroon="X", invoice="P", version="0", token="X")"});
    CHECK(lines.front() == challenge_lines("X", "P").back());
    const Lines real = challenge_lines(token, invoice, false);
    CHECK(parse_challenge(real)->bolt11 == invoice);
}

TEST_CASE("Every known client finds token and invoice in our lines") {
    const Lines lines = challenge_lines(token, invoice);
    for (const clients::Client& client : clients::all()) {
        CAPTURE(client.name);
        const std::optional<clients::Offer> offer = client.read(lines);
        REQUIRE(offer);
        CHECK(offer->macaroon == token);
        CHECK(offer->invoice == invoice);
    }
}

TEST_CASE("Every known client but lsat-js finds token and invoice in our lines joined into one") {
    const Lines lines = {joined(challenge_lines(token, invoice))};
    for (const clients::Client& client : clients::all()) {
        CAPTURE(client.name);
        const std::optional<clients::Offer> offer = client.read(lines);
        if (std::string_view(client.name) == "lsat-js")
            continue;  // it takes the joined rest for a parameter without a name
        REQUIRE(offer);
        CHECK(offer->macaroon == token);
        CHECK(offer->invoice == invoice);
    }
}

TEST_CASE("The clients' rules are not so lax that anything passes") {
    // Each of these loses at least one client, which is why the lines are as they are.
    struct Case {
        const char* why;
        Lines lines;
        const char* loses;
    };
    const Case cases[] = {
        {"L402 first",
         {R"(L402 macaroon="X", invoice="lnbcP")", R"(LSAT macaroon="X", invoice="lnbcP")"},
         "Aperture before 2023"},
        {"version before macaroon", {R"(L402 version="0", token="X", macaroon="X", invoice="lnbcP")"}, "Aperture"},
        {"no space behind the comma", {R"(LSAT macaroon="X",invoice="lnbcP")"}, "Aperture with token="},
        {"only token=", {R"(L402 version="0", token="X", invoice="lnbcP")"}, "lnget"},
        {"another scheme first", {R"(Payment id="x")", R"(LSAT macaroon="X", invoice="lnbcP")"}, "js-lightning-tools"},
        {"space-separated", {R"(L402 price=10sat invoice="lnbcP" macaroon="X")"}, "l402-requests"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.why);
        const auto& clients = clients::all();
        const auto lost = std::find_if(clients.begin(), clients.end(),
                                       [&c](const auto& client) { return std::string_view(client.name) == c.loses; });
        REQUIRE(lost != clients.end());
        CHECK(lost->read(c.lines) != clients::Offer{"X", "lnbcP"});
    }
}

TEST_CASE("Our own lines are read back, separate, joined and with Payment lines behind them") {
    const Lines lines = challenge_lines(token, invoice);
    const Lines cases[] = {
        lines,
        {joined(lines)},
        {lines[1]},
        {lines[0]},
        {lines[0], lines[1], R"(Payment id="x", realm="r", method="lightning", intent="charge", request="e30")"},
        {joined({lines[0], lines[1], R"(Payment id="x", realm="a, L402 macaroon=\"no\"", method="lightning")"})},
        {R"(Basic realm="x")", lines[1]},
        {R"(Payment id="x", realm="a, L402 macaroon=no")", lines[1]},
        {"Negotiate dGVzdA==, " + lines[0]}};
    for (const Lines& c : cases) {
        CAPTURE(joined(c));
        const Result<Challenge> challenge = parse_challenge(c);
        REQUIRE(challenge);
        CHECK(challenge->token_base64 == token);
        CHECK(challenge->bolt11 == invoice);
        CHECK(codec::to_hex(challenge->macaroon.signature) == fixtures::computed_signature);
    }
}

TEST_CASE("Every form of challenge that servers in the wild send is read") {
    const std::string t = token;
    const std::string i = invoice;
    const std::string cases[] = {
        "LSAT macaroon=\"" + t + "\", invoice=\"" + i + "\"",
        "L402 macaroon=\"" + t + "\", invoice=\"" + i + "\"",
        "L402 version=\"0\", token=\"" + t + "\", invoice=\"" + i + "\"",
        "L402 version=\"0\", token=\"" + t + "\", macaroon=\"" + t + "\", invoice=\"" + i + "\"",
        "L402 version=\"0\" token=\"" + t + "\", invoice=\"" + i +
            "\"",  // js-lightning-tools' server: a comma is missing
        "L402 price=10sat invoice=\"" + i + "\" macaroon=\"" + t + "\"",  // l402-kit
        "l402 MACAROON=\"" + t + "\",INVOICE=\"" + i + "\"",
        "Lsat   macaroon=\"" + t + "\"  ,  invoice=\"" + i + "\"",
        "L402 macaroon=" + t + ", invoice=" + i,
        "L402 unknown=\"a, b\", macaroon=\"" + t + "\", other=1, invoice=\"" + i + "\"",
        "L402 note=\"say \\\"macaroon=x\\\"\", macaroon=\"" + t + "\", invoice=\"" + i + "\"",
    };
    for (const std::string& line : cases) {
        CAPTURE(line);
        const Result<Challenge> challenge = parse_challenge(Lines{line});
        REQUIRE(challenge);
        CHECK(challenge->token_base64 == t);
        CHECK(challenge->bolt11 == i);
    }
}

TEST_CASE("A real Aperture challenge is read whole, its invoice included") {
    const std::string line = "LSAT macaroon=\"" + std::string(fixtures::aperture_macaroon) + "\", invoice=\"" +
                             fixtures::aperture_invoice + "\"";
    const Result<Challenge> challenge = parse_challenge(Lines{line});
    REQUIRE(challenge);
    CHECK(challenge->macaroon.location == "lsat");
    REQUIRE(challenge->macaroon.caveats.size() == 2);
    CHECK(challenge->macaroon.caveats[0].text() == "services=meme:0");
    CHECK(challenge->macaroon.caveats[1].text() == "meme_capabilities=");
    const Result<bolt11::Invoice> paid = bolt11::decode(challenge->bolt11);
    REQUIRE(paid);
    CHECK(paid->payment_hash.hex() == fixtures::aperture_hash);
    CHECK(paid->amount == Msat(10'000));
    CHECK(paid->currency == "bcrt");
    CHECK(paid->description_text() == "LSAT");
}

// lsat-js's tests: a macaroon whose identifier is text, with an URL-safe base 64 alphabet.
constexpr const char* lsat_js_macaroon =
    "AgEIbG9jYXRpb24ChAEwMDAwN2NlZjkzZjJjNTFhYTY1MjA4YmVjMTQ0N2ZjMzhmYzU4ZDliY2UxMzc1YTUzMmVkYjBkY2QyOTBhMmMzMzBhZTljNT"
    "MyNjZiMWJlMzE1MGI2"
    "NjZiM2Y2ZWM3MGYyOGJkNDNhOWQ0ZmQxOTQ2MWE2MjBmYmFjYzMzNzY4YTk5OTQAAhhleHBpcmF0aW9uPTE2NDQxOTQyNjM2OTMAAAYg_"
    "1CMq8TuMXv-ERHDWQCtlIhsQwwK"
    "iUDmnnh1maDFpkQ";
constexpr const char* lsat_js_invoice =
    "lntb10u1pw7kfm8pp50nhe8uk9r2n9yz97c9z8lsu0ckxehnsnwkjn9mdsmnffpgkrxzhqdq5w3jhxapqd9h8vmmfvdjscqzpgllq2qvdlgkllc27k"
    "pd87lz8pdfsfmtteyc3kwq"
    "734jpwnvqt96e4nuy0yauzdrtkumxsvawgda8dlljxu3nnjlhs6w75390wy7ukj6cpfmygah";

TEST_CASE("lsat-js's challenges are read, with and without a space or a comma between the parts") {
    const std::string m = std::string("macaroon=\"") + lsat_js_macaroon + '"';
    const std::string i = std::string("invoice=\"") + lsat_js_invoice + '"';
    for (const std::string& line : {"LSAT " + m + " " + i, "LSAT " + m + "," + i, "LSAT " + m + ", " + i}) {
        CAPTURE(line);
        const Result<Challenge> challenge = parse_challenge(Lines{line});
        REQUIRE(challenge);
        CHECK(challenge->token_base64 == lsat_js_macaroon);
        CHECK(challenge->bolt11 == lsat_js_invoice);
        REQUIRE(challenge->macaroon.caveats.size() == 1);
        CHECK(challenge->macaroon.caveats[0].text() == "expiration=1644194263693");
    }
}

TEST_CASE("A challenge without macaroon or invoice, or with a broken macaroon, is refused") {
    const std::string m = "macaroon=\"" + token + "\"";
    const std::string i = "invoice=\"" + invoice + "\"";
    const Lines cases[] = {
        {},
        {""},
        {","},
        {"L402"},
        {"L402 "},
        {m + ", " + i},  // no scheme
        {"Basic realm=\"L402 " + token + "\""},
        {"L403 " + m + ", " + i},
        {"L402x " + m + ", " + i},
        {std::string("LSAT macaroon=") + lsat_js_macaroon},        // lsat-js: missing invoice
        {std::string("LSAT invoice=\"") + lsat_js_invoice + '"'},  // lsat-js: missing macaroon
        {"L402 " + m},
        {"L402 " + i},
        {"L402 macaroon=\"\", " + i},
        {"L402 " + m + ", Payment " + i},  // the invoice of another challenge
        {"Payment " + m + ", L402 " + i},
        {"L402 " + m + ", invoice=\"\""},
        {"L402 macaroon=\"*\", " + i},
        {"L402 macaroon=\"AAAA\", " + i},
        {"L402 macaroon=\"" + token.substr(0, 100) + "\", " + i},
        {"L402 macaroon=\"" + token + "AAAA\", " + i},
        {"L402 macaroon=\"" + token},
        {"L402 macaroon"},
        {"L402 macaroon="},
        {"L402 macaroon=\"\\"},
        {R"(L402 macaroon="AGIAJEemVQUTEyNCR0exk7ek90Cg==", )" +
         i},  // the specification's example, which is no macaroon
    };
    for (const Lines& lines : cases) {
        CAPTURE(joined(lines));
        const Result<Challenge> challenge = parse_challenge(lines);
        REQUIRE_FALSE(challenge);
        CHECK(is(challenge.error(), Errc::malformed_challenge));
    }
}

}  // namespace
}  // namespace millrace::l402
