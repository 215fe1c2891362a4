#include "service/pages/pay_cookie.hpp"

#include "common/codec/base64.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace std::chrono_literals;

namespace {

struct Fixture {
    l402::KeyRing ring;
    PaymentHash hash{std::array<std::uint8_t, 32>{5}};
    pages::PayTicket ticket;

    Fixture() {
        ring.keys.emplace(l402::KeyEpoch{1}, SecretKey(std::array<std::uint8_t, 32>{7}));
        ring.keys.emplace(l402::KeyEpoch{2}, SecretKey(std::array<std::uint8_t, 32>{8}));
        ring.current = 1;
        l402::Identifier identifier{hash, l402::make_token_id(1, {})};
        macaroon::Macaroon token =
            l402::mint(ring.keys.at(1), identifier, ServiceName::parse("weather").value(), {.price = Msat(1500)});
        ticket = {macaroon::encode_v2(token), Msat(1500), std::chrono::sys_seconds(1'800'000'000s), "lnbc15n1abc"};
    }
};

}  // namespace

TEST_CASE("a sealed ticket is read back as it was, and known as genuine") {
    Fixture f;
    std::string value = pages::seal(f.ticket, f.ring);
    auto read = pages::parse_pay_cookie(value);
    REQUIRE(read);
    CHECK(read->ticket.token == f.ticket.token);
    CHECK(read->ticket.price == f.ticket.price);
    CHECK(read->ticket.expires_at == f.ticket.expires_at);
    CHECK(read->ticket.bolt11 == f.ticket.bolt11);
    CHECK(read->credential.identifier.payment_hash == f.hash);
    CHECK(pages::is_genuine(*read, f.ring));
    // Nothing in it needs quoting in a cookie.
    CHECK(value.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
          std::string::npos);
}

TEST_CASE("the seal is of the token's own epoch key, and of no other") {
    Fixture f;
    auto read = pages::parse_pay_cookie(pages::seal(f.ticket, f.ring));
    REQUIRE(read);
    l402::KeyRing changed = f.ring;
    changed.keys.erase(2);
    CHECK(pages::is_genuine(*read, changed));
    changed.keys.erase(1);
    CHECK_FALSE(pages::is_genuine(*read, changed));
    CHECK(pages::seal(f.ticket, changed).empty());
    changed.keys.emplace(l402::KeyEpoch{1}, SecretKey(std::array<std::uint8_t, 32>{9}));
    CHECK_FALSE(pages::is_genuine(*read, changed));
}

TEST_CASE("a ticket of which one character was changed is not genuine, or none") {
    Fixture f;
    std::string value = pages::seal(f.ticket, f.ring);
    for (std::size_t at = 0; at < value.size(); ++at) {
        std::string changed = value;
        changed[at] = changed[at] == 'a' ? 'b' : 'a';
        auto read = pages::parse_pay_cookie(changed);
        INFO("at " << at);
        CHECK_FALSE((read && pages::is_genuine(*read, f.ring)));
    }
}

TEST_CASE("what is no ticket is not read") {
    Fixture f;
    std::string value = pages::seal(f.ticket, f.ring);
    std::string token = value.substr(0, value.find('.'));
    const std::string texts[] = {"",
                                 "....",
                                 token,
                                 value + ".x",
                                 value.substr(value.find('.') + 1),
                                 token + ".x.1800000000.lnbc1.AAAA",
                                 token + ".1.-1.lnbc1.AAAA",
                                 token + ".1.99999999999999.lnbc1.AAAA",
                                 "AAAA.1.1800000000.lnbc1.AAAA",
                                 token + ".1.1800000000.lnbc1.!",
                                 std::string(5000, 'a') + value};
    for (const std::string& bad : texts) {
        INFO(bad);
        CHECK_FALSE(pages::parse_pay_cookie(bad));
    }
}

TEST_CASE("cookies are found by their offer, or by the service that it is of") {
    http::RequestReader reader;
    std::string head =
        "GET / HTTP/1.1\r\nHost: a\r\nCookie: millrace-pay-a~1=1; millrace-pay-a-b~1=2;millrace-pay-a~1=3; x\r\n"
        "Cookie: millrace-pay-a~r~1=4; a~1=5; millrace-pay-a=6\r\n\r\n";
    REQUIRE_FALSE(reader.parse(head, {4096, 4096}));
    using Cookies = std::vector<pages::PayCookie>;
    CHECK(pages::find_offer_cookies(reader.head(), "a~1") == Cookies{{"a~1", "1"}, {"a~1", "3"}});
    CHECK(pages::find_offer_cookies(reader.head(), "a~r~1") == Cookies{{"a~r~1", "4"}});
    CHECK(pages::find_offer_cookies(reader.head(), "").empty());
    CHECK(pages::find_service_cookies(reader.head(), "a") == Cookies{{"a~1", "1"}, {"a~1", "3"}, {"a~r~1", "4"}});
    CHECK(pages::find_service_cookies(reader.head(), "a-b") == Cookies{{"a-b~1", "2"}});
    CHECK(pages::find_service_cookies(reader.head(), "").empty());
    CHECK(pages::find_pay_cookies(reader.head()).size() == 5);
    CHECK(pages::offer_name("a", "", Msat(1)) == "a~1");
    CHECK(pages::offer_name("a", "r", Msat(15)) == "a~r~15");
}

TEST_CASE("H13: of many cookies those of what was bought are looked at first, and no more than sixty-four") {
    http::RequestReader reader;
    std::string head = "GET / HTTP/1.1\r\nHost: a\r\nCookie: ";
    for (int i = 0; i < 100; ++i) head += "millrace-pay-a~" + std::to_string(i) + "=t.1.2.lnbc1.s; ";
    head += "millrace-pay-a~bought=t.1.2..s; b=1\r\n\r\n";
    REQUIRE_FALSE(reader.parse(head, {16384, 4096}));
    auto found = pages::find_service_cookies(reader.head(), "a");
    CHECK(found.size() == 64);
    CHECK(found[0].offer == "a~bought");
    CHECK(found[1].offer == "a~0");
}

TEST_CASE("H13: a ticket without its invoice is one of what was bought, and no less genuine") {
    Fixture f;
    f.ticket.bolt11.clear();
    const std::string value = pages::seal(f.ticket, f.ring);
    CHECK(value.find("..") != std::string::npos);
    auto read = pages::parse_pay_cookie(value);
    REQUIRE(read);
    CHECK(pages::is_genuine(*read, f.ring));
    CHECK(read->ticket.bolt11.empty());
}

TEST_CASE("an upstream gets every cookie but those of pay pages") {
    CHECK(pages::without_pay_cookies("a=1; millrace-pay-x=2; b=3") == "a=1; b=3");
    CHECK(pages::without_pay_cookies("millrace-pay-x=2").empty());
    CHECK(pages::without_pay_cookies("millrace-pay-x=2;millrace-pay-y=3 ;c").compare("c") == 0);
    CHECK(pages::without_pay_cookies("x-millrace-pay-x=2; q=\"millrace-pay-\"") ==
          "x-millrace-pay-x=2; q=\"millrace-pay-\"");
}

TEST_CASE("H12: a cookie names no path, unless it is to be forgotten where it was set with one") {
    pages::CookieScope scope{60s};
    CHECK(pages::set_cookie("n", "v", scope) == "n=v; Max-Age=60; HttpOnly; SameSite=Lax");
    scope.secure = true;
    CHECK(pages::set_cookie("n", "v", scope) == "n=v; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
    scope = {0s, false, "/a b;c/\xc3\xa9"};
    CHECK(pages::set_cookie("n", "", scope) == "n=; Path=/a%20b%3Bc/%C3%A9; Max-Age=0; HttpOnly; SameSite=Lax");
}
