// What is no macaroon, and how much of one is read.
#include <utility>

#include "common/codec/hex.hpp"
#include "common/macaroon/macaroon.hpp"
#include "tests/unit/catch.hpp"

namespace millrace::macaroon {
namespace {

Macaroon read(ByteView bytes) {
    const Result<Macaroon> macaroon = decode(bytes);
    REQUIRE(macaroon);
    return *macaroon;
}

TEST_CASE("A V2 macaroon out of form is refused") {
    const std::string sig = "0620" + std::string(64, '7');
    struct Case {
        const char* what;
        std::string bytes;
        Errc errc;
    };
    const Case cases[] = {
        {"nothing", "", Errc::unknown_format},
        {"version 0", "00", Errc::unknown_format},
        {"version 1", "01", Errc::unknown_format},
        {"version 3", "030201610000" + sig, Errc::unknown_format},
        {"JSON", "7b7d", Errc::unknown_format},
        {"pymacaroons' invalid text: base 64 of one byte", "40", Errc::unknown_format},
        {"the version alone", "02", Errc::malformed},
        {"no identifier", "020000" + sig, Errc::malformed},
        {"location alone",
         "0201016100"
         "00" +
             sig,
         Errc::malformed},
        {"identifier before location",
         "0202016101016200"
         "00" +
             sig,
         Errc::malformed},
        {"two identifiers",
         "02020161020162"
         "0000" +
             sig,
         Errc::malformed},
        {"vid in the first section",
         "02020161040162"
         "0000" +
             sig,
         Errc::malformed},
        {"signature in the first section", "02020161" + sig + "0000", Errc::malformed},
        {"unknown field 3",
         "02020161030162"
         "0000" +
             sig,
         Errc::malformed},
        {"unknown field 5",
         "02020161050162"
         "0000" +
             sig,
         Errc::malformed},
        {"unknown field 7 in a caveat",
         "0202016100"
         "020162070163"
         "0000" +
             sig,
         Errc::malformed},
        {"caveat with only a location",
         "0202016100"
         "01016200"
         "00" +
             sig,
         Errc::malformed},
        {"caveat with only a vid",
         "0202016100"
         "04016200"
         "00" +
             sig,
         Errc::malformed},
        {"first-party caveat with a location",
         "0202016100"
         "010162020163"
         "0000" +
             sig,
         Errc::malformed},
        {"vid before identifier",
         "0202016100"
         "040162020163"
         "0000" +
             sig,
         Errc::malformed},
        {"no end of caveats", "0202016100" + sig, Errc::malformed},
        {"no signature", "020201610000", Errc::malformed},
        {"signature of 31 bytes",
         "020201610000"
         "061f" +
             std::string(62, '7'),
         Errc::malformed},
        {"signature of 33 bytes",
         "020201610000"
         "0621" +
             std::string(66, '7'),
         Errc::malformed},
        {"another field for the signature",
         "020201610000"
         "0220" +
             std::string(64, '7'),
         Errc::malformed},
        {"a third end of section", "02020161000000" + sig, Errc::malformed},
        {"bytes behind the signature", "020201610000" + sig + "00", Errc::malformed},
        {"two macaroons", "020201610000" + sig + "020201610000" + sig, Errc::malformed},
        {"length beyond the end", "02027f61", Errc::malformed},
        {"length of 2^31",
         "02028080808008"
         "61",
         Errc::malformed},
        {"length that never ends", "0202ffffffffffffffffffff01", Errc::malformed},
        {"type of 2^31",
         "028080808008"
         "0161",
         Errc::malformed},
    };
    for (const Case& c : cases) {
        CAPTURE(c.what);
        const Result<Macaroon> macaroon = decode(codec::from_hex(c.bytes).value());
        REQUIRE_FALSE(macaroon);
        CHECK(is(macaroon.error(), c.errc));
    }
    CHECK(decode(codec::from_hex("020201610000" + sig).value()));
}

std::string v1_packet(std::string_view name, std::string_view data) {
    const std::size_t length = 4 + name.size() + 1 + data.size() + 1;
    const std::uint8_t bytes[] = {static_cast<std::uint8_t>(length >> 8U), static_cast<std::uint8_t>(length)};
    return codec::to_hex(bytes) + std::string(name) + ' ' + std::string(data) + '\n';
}

const std::string v1_signature = v1_packet("signature", std::string(32, '\x07'));

TEST_CASE("V1 packets have go-macaroon's form") {
    CHECK(v1_packet("field", "some data") == "0014field some data\n");
    CHECK(v1_packet("otherfield", "more and more data") == "0022otherfield more and more data\n");
}

TEST_CASE("A V1 macaroon out of form is refused") {
    const std::string head = v1_packet("location", "here") + v1_packet("identifier", "id");
    CHECK(decode(as_bytes(head + v1_signature)));
    CHECK(decode(as_bytes(v1_packet("identifier", "id") + v1_signature)));  // the location may be missing
    struct Case {
        const char* what;
        std::string text;
    };
    const Case cases[] = {
        {"nothing behind the length", "0004"},
        {"packet too short", "000"},
        {"go-macaroon: packet size too big", "0015field some data\n"},
        {"go-macaroon: cannot parse field name", "0014fieldwithoutanyspaceordata\n"},
        {"length of zero", "0000" + head + v1_signature},
        {"length that is not hex", "00zz" + head + v1_signature},
        {"no line feed", head.substr(0, head.size() - 1) + " " + v1_signature},
        {"no signature", head},
        {"no identifier", v1_packet("location", "here") + v1_signature},
        {"signature first", v1_signature + head},
        {"identifier before location", v1_packet("identifier", "id") + v1_packet("location", "here") + v1_signature},
        {"two identifiers", head + v1_packet("identifier", "id") + v1_signature},
        {"two locations", v1_packet("location", "x") + head + v1_signature},
        {"unknown packet", head + v1_packet("colour", "blue") + v1_signature},
        {"vid without cid", head + v1_packet("vid", "x") + v1_signature},
        {"cl without vid", head + v1_packet("cid", "x") + v1_packet("cl", "y") + v1_signature},
        {"two vids", head + v1_packet("cid", "x") + v1_packet("vid", "y") + v1_packet("vid", "z") + v1_signature},
        {"signature of 31 bytes", head + v1_packet("signature", std::string(31, '\x07'))},
        {"signature of 33 bytes", head + v1_packet("signature", std::string(33, '\x07'))},
        {"bytes behind the signature", head + v1_signature + "0"},
        {"two macaroons", head + v1_signature + head + v1_signature},
    };
    for (const Case& c : cases) {
        CAPTURE(c.what);
        const Result<Macaroon> macaroon = decode(as_bytes(c.text));
        REQUIRE_FALSE(macaroon);
        CHECK(is(macaroon.error(), Errc::malformed));
    }
    const std::string whole = head + v1_packet("cid", "a caveat") + v1_signature;
    for (std::size_t length = 1; length < whole.size(); ++length) {
        CAPTURE(length);
        CHECK_FALSE(decode(as_bytes(whole).first(length)));
    }
    CHECK(is(decode(as_bytes("zzzzbadpacketsizenomacaroon")).error(), Errc::unknown_format));
}

TEST_CASE("A V1 packet may hold any bytes, line feeds and spaces among them") {
    const Macaroon macaroon =
        read(as_bytes(v1_packet("identifier", std::string("a\n b\0c", 6)) + v1_packet("cid", " \n\n ") + v1_signature));
    CHECK(as_text(macaroon.identifier) == std::string_view("a\n b\0c", 6));
    CHECK(macaroon.caveats[0].text() == " \n\n ");
}

TEST_CASE("Up to 64 caveats are read, and no more") {
    Macaroon macaroon = Macaroon::create(as_bytes("k"), as_bytes("id"), "lsat");
    std::string v1 = v1_packet("identifier", "id");
    for (std::size_t i = 0; i < max_caveats; ++i) {
        macaroon.add_first_party_caveat("c" + std::to_string(i));
        v1 += v1_packet("cid", "c");
    }
    CHECK(read(encode_v2(macaroon)).verifies(as_bytes("k")));
    CHECK(decode(as_bytes(v1 + v1_signature)));
    macaroon.add_first_party_caveat("one more");
    CHECK(is(decode(encode_v2(macaroon)).error(), Errc::too_many_caveats));
    CHECK(is(decode(as_bytes(v1 + v1_packet("cid", "c") + v1_signature)).error(), Errc::too_many_caveats));
}

TEST_CASE("A macaroon of more than 16 KiB is refused") {
    Macaroon macaroon = Macaroon::create(as_bytes("k"), as_bytes("id"), "lsat");
    const std::size_t bare = encode_v2(macaroon).size();
    // A caveat of n bytes, 128 <= n < 16384, takes n + 4: type, length of two bytes, and its end of section.
    macaroon.add_first_party_caveat(std::string(max_size - bare - 4, 'x'));
    CHECK(encode_v2(macaroon).size() == max_size);
    CHECK(decode(encode_v2(macaroon)));
    macaroon.add_first_party_caveat("");
    CHECK(is(decode(encode_v2(macaroon)).error(), Errc::malformed));
}

}  // namespace
}  // namespace millrace::macaroon
