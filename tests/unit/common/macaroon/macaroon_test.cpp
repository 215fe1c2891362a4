// Vectors of other implementations, each with its source:
//   libmacaroons   https://github.com/rescrv/libmacaroons, test/unit/*.vtest and serialization_*, and its README
//   macaroon-rs    https://github.com/macaroon-rs/macaroon, tests/compat_libmacaroons.rs, tests/compat_pymacaroons.rs
//   go-macaroon    https://github.com/go-macaroon/macaroon, marshal_test.go, packet-v1_test.go
//   paygate        https://github.com/greenharborlabs/spring-boot-starter-l402, go-macaroon-vectors.json
//   lsat-js        https://github.com/Tierion/lsat-js, tests/data.ts
#include "common/macaroon/macaroon.hpp"

#include <utility>

#include "common/codec/base64.hpp"
#include "common/codec/hex.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/common/random.hpp"

namespace millrace::macaroon {
namespace {

Bytes base64(std::string_view text) {
    return codec::from_base64(text).value();
}
// libmacaroons' V1 files hold base 64 of the base 64 that is the serialised form.
Bytes twice_base64(std::string_view text) {
    return base64(as_text(base64(text)));
}

Macaroon read(ByteView bytes) {
    const Result<Macaroon> macaroon = decode(bytes);
    REQUIRE(macaroon);
    return *macaroon;
}

std::string signature(const Macaroon& macaroon) {
    return codec::to_hex(macaroon.signature);
}

void require_same(const Macaroon& left, const Macaroon& right) {
    CHECK(left.location == right.location);
    CHECK(left.identifier == right.identifier);
    CHECK(left.signature == right.signature);
    REQUIRE(left.caveats.size() == right.caveats.size());
    for (std::size_t i = 0; i < left.caveats.size(); ++i) {
        CHECK(left.caveats[i].identifier == right.caveats[i].identifier);
        CHECK(left.caveats[i].vid == right.caveats[i].vid);
        CHECK(left.caveats[i].location == right.caveats[i].location);
    }
}

TEST_CASE("libmacaroons' macaroons are read from V1 and V2 alike, verify with their key, and are written as its V2") {
    struct Case {
        const char* v1;
        const char* v2;
        std::vector<std::string> caveats;
        const char* signature;
    };
    const Case cases[] = {
        {"TURBeU1XeHZZMkYwYVc5dUlHaDBkSEE2THk5bGVHRnRjR3hsTG05eVp5OEtNREF4Tldsa1pXNTBhV1pwWlhJZ2EyVjVhV1FLTURBeVpuTnBaM"
         "jVoZEhWeVpTQjgz"
         "dWVTVVJ4Ynh2VW9TRmdGMy1teVRuaGVLT0twa3dINTF4SEdDZU9POXdv",
         "AgETaHR0cDovL2V4YW1wbGUub3JnLwIFa2V5aWQAAAYgfN7nklEcW8b1KEhYBd_psk54XijiqZMB-dcRxgnjjvc=",
         {},
         "7cdee792511c5bc6f528485805dfe9b24e785e28e2a99301f9d711c609e38ef7"},
        {"TURBeU1XeHZZMkYwYVc5dUlHaDBkSEE2THk5bGVHRnRjR3hsTG05eVp5OEtNREF4Tldsa1pXNTBhV1pwWlhJZ2EyVjVhV1FLTURBeFpHTnBaQ"
         "0JoWTJOdmRXNTBJ"
         "RDBnTXpjek5Ua3lPRFUxT1Fvd01ESm1jMmxuYm1GMGRYSmxJUFZJQl9iY2J0LUl2dzl6QnJPQ0pXS2pZbE05djNNNXVtRjJYYVM5SloySENn",
         "AgETaHR0cDovL2V4YW1wbGUub3JnLwIFa2V5aWQAAhRhY2NvdW50ID0gMzczNTkyODU1OQAABiD1SAf23G7fiL8PcwazgiVio2JTPb9zObphd"
         "l2kvSWdhw==",
         {"account = 3735928559"},
         "f54807f6dc6edf88bf0f7306b3822562a362533dbf7339ba61765da4bd259d87"},
        {"TURBeU1XeHZZMkYwYVc5dUlHaDBkSEE2THk5bGVHRnRjR3hsTG05eVp5OEtNREF4Tldsa1pXNTBhV1pwWlhJZ2EyVjVhV1FLTURBeFpHTnBaQ"
         "0JoWTJOdmRXNTBJ"
         "RDBnTXpjek5Ua3lPRFUxT1Fvd01ERTFZMmxrSUhWelpYSWdQU0JoYkdsalpRb3dNREptYzJsbmJtRjBkWEpsSUV2cFo4MGVvTWF5YTY5cVNwV"
         "HVtd1d4V0liYUM2"
         "aGVqRUtwUEkwT0VsNzhDZw==",
         "AgETaHR0cDovL2V4YW1wbGUub3JnLwIFa2V5aWQAAhRhY2NvdW50ID0gMzczNTkyODU1OQACDHVzZXIgPSBhbGljZQAABiBL6WfNHqDGsmuva"
         "kqU7psFsViG2g"
         "uoXoxCqTyNDhJe_A==",
         {"account = 3735928559", "user = alice"},
         "4be967cd1ea0c6b26baf6a4a94ee9b05b15886da0ba85e8c42a93c8d0e125efc"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.signature);
        const Macaroon v2 = read(base64(c.v2));
        require_same(read(twice_base64(c.v1)), v2);
        CHECK(v2.location == "http://example.org/");
        CHECK(as_text(v2.identifier) == "keyid");
        CHECK(signature(v2) == c.signature);
        CHECK(v2.verifies(as_bytes("this is the key")));
        CHECK_FALSE(v2.verifies(as_bytes("this is not the key")));
        CHECK(codec::to_hex(encode_v2(v2)) == codec::to_hex(base64(c.v2)));

        Macaroon own = Macaroon::create(as_bytes("this is the key"), as_bytes("keyid"), "http://example.org/");
        for (const std::string& caveat : c.caveats) own.add_first_party_caveat(caveat);
        require_same(own, v2);
    }
}

TEST_CASE("A caveat in UTF-8 survives, as in libmacaroons' fourth serialisation") {
    const std::string text =
        "AgETaHR0cDovL2V4YW1wbGUub3JnLwIFa2V5aWQAAghFc2NyaXbDoQAABiA28icxdxYyvr3OoMwDhimCgQMffNNHvjyOENsQuU45WA";
    const Macaroon macaroon = read(base64(text));
    REQUIRE(macaroon.caveats.size() == 1);
    CHECK(macaroon.caveats[0].text() == "Escriv\xc3\xa1");
    CHECK(codec::to_base64url(encode_v2(macaroon)) == text);
    CHECK(macaroon.verifies(as_bytes("this is the key")));
}

TEST_CASE("The signatures of libmacaroons' README come out caveat by caveat") {
    const std::string_view key = "this is our super secret key; only we should know it";
    Macaroon macaroon = Macaroon::create(as_bytes(key), as_bytes("we used our secret key"), "http://mybank/");
    CHECK(signature(macaroon) == "e3d9e02908526c4c0039ae15114115d97fdd68bf2ba379b342aaf0f617d0552f");
    macaroon.add_first_party_caveat("account = 3735928559");
    CHECK(signature(macaroon) == "1efe4763f290dbce0c1d08477367e11f4eee456a64933cf662d79772dbb82128");
    macaroon.add_first_party_caveat("time < 2020-01-01T00:00");
    CHECK(signature(macaroon) == "b5f06c8c8ef92f6c82c6ff282cd1f8bd1849301d09a2db634ba182536a611c49");
    macaroon.add_first_party_caveat("email = alice@example.org");
    CHECK(signature(macaroon) == "ddf553e46083e55b8d71ab822be3d8fcf21d6bf19c40d617bb9fb438934474b6");
    CHECK(macaroon.verifies(as_bytes(key)));
    CHECK_FALSE(macaroon.verifies(as_bytes("this is not the secret we were looking for")));

    Macaroon other = Macaroon::create(as_bytes("this is a different super-secret key; never use the same secret twice"),
                                      as_bytes("we used our other secret key"), "http://mybank/");
    other.add_first_party_caveat("account = 3735928559");
    CHECK(signature(other) == "1434e674ad84fdfdc9bc1aa00785325c8b6d57341fc7ce200ba4680c80786dda");
    Macaroon discharge = Macaroon::create(as_bytes("4; guaranteed random by a fair toss of the dice"),
                                          as_bytes("this was how we remind auth of key/pred"), "http://auth.mybank/");
    discharge.add_first_party_caveat("time < 2020-01-01T00:00");
    CHECK(signature(discharge) == "2ed1049876e9d5840950274b579b0770317df54d338d9d3039c7c67d0d91d63c");
}

TEST_CASE("The published V1 macaroons are read and verify") {
    struct Case {
        const char* text;
        std::vector<std::string> caveats;
        const char* signature;
    };
    const Case cases[] = {
        {"MDAxY2xvY2F0aW9uIGh0dHA6Ly9teWJhbmsvCjAwMjZpZGVudGlmaWVyIHdlIHVzZWQgb3VyIHNlY3JldCBrZXkKMDAyZnNpZ25hdHVyZSDj2"
         "eApCFJsTAA5rhUR"
         "QRXZf91ovyujebNCqvD2F9BVLwo",
         {},
         "e3d9e02908526c4c0039ae15114115d97fdd68bf2ba379b342aaf0f617d0552f"},
        {"MDAxY2xvY2F0aW9uIGh0dHA6Ly9teWJhbmsvCjAwMjZpZGVudGlmaWVyIHdlIHVzZWQgb3VyIHNlY3JldCBrZXkKMDAxNmNpZCB0ZXN0ID0gY"
         "2F2ZWF0CjAwMmZz"
         "aWduYXR1cmUgGXusegRK8zMyhluSZuJtSTvdZopmDkTYjOGpmMI9vWcK",
         {"test = caveat"},
         "197bac7a044af33332865b9266e26d493bdd668a660e44d88ce1a998c23dbd67"},
        {"MDAxY2xvY2F0aW9uIGh0dHA6Ly9teWJhbmsvCjAwMjZpZGVudGlmaWVyIHdlIHVzZWQgb3VyIHNlY3JldCBrZXkKMDAxN2NpZCB0ZXN0ID0gY"
         "WNhdmVhdAowMDJm"
         "c2lnbmF0dXJlIJRJ_V3WNJQnqlVq5eez7spnltwU_AXs8NIRY739sHooCg==",
         {"test = acaveat"},
         "9449fd5dd6349427aa556ae5e7b3eeca6796dc14fc05ecf0d21163bdfdb07a28"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.signature);
        const Macaroon macaroon = read(base64(c.text));
        CHECK(macaroon.location == "http://mybank/");
        CHECK(as_text(macaroon.identifier) == "we used our secret key");
        CHECK(signature(macaroon) == c.signature);
        REQUIRE(macaroon.caveats.size() == c.caveats.size());
        for (std::size_t i = 0; i < c.caveats.size(); ++i) CHECK(macaroon.caveats[i].text() == c.caveats[i]);
        CHECK(macaroon.verifies(as_bytes("this is our super secret key; only we should know it")));
        require_same(read(encode_v2(macaroon)), macaroon);
    }
}

TEST_CASE("A macaroon with a changed signature is read but does not verify") {
    // "Incompetent hackers trying to change the signature": libmacaroons' README.
    const Macaroon macaroon =
        read(base64("MDAxY2xvY2F0aW9uIGh0dHA6Ly9teWJhbmsvCjAwMjZpZGVudGlmaWVyIHdlIHVzZWQgb3VyIHNlY3JldCBrZXkKMDAxZGNpZC"
                    "BhY2NvdW50ID0gMzczNTky"
                    "ODU1OQowMDIwY2lkIHRpbWUgPCAyMDIwLTAxLTAxVDAwOjAwCjAwMjJjaWQgZW1haWwgPSBhbGljZUBleGFtcGxlLm9yZwowMD"
                    "Jmc2lnbmF0dXJlID8f19FL"
                    "+bkC9p/aoMmIecC7GxdOcLVyUnrv6lJMM7NSCg=="));
    CHECK(macaroon.caveats.size() == 3);
    CHECK_FALSE(macaroon.verifies(as_bytes("this is our super secret key; only we should know it")));
}

// go-macaroon's binary example, field by field: libmacaroons' README with its third-party caveat.
Bytes third_party_bytes() {
    std::string text;
    text += std::string("\x02\x01\x0e") + "http://mybank/" + "\x02\x1c" + "we used our other secret key" +
            std::string(1, '\0');
    text += std::string("\x02\x14") + "account = 3735928559" + std::string(1, '\0');
    text += std::string("\x01\x13") + "http://auth.mybank/" + "\x02\x27" + "this was how we remind auth of key/pred" +
            "\x04\x48";
    Bytes out = to_bytes(as_bytes(text));
    const auto append = [&out](std::string_view hex) {
        const Bytes bytes = codec::from_hex(hex).value();
        out.insert(out.end(), bytes.begin(), bytes.end());
    };
    append(
        "000000000000000000000000000000000000000000000000d36ec502e05886d1f0279f055fa52554d16d16c1b14074bbb83ff0fdd79dc2"
        "fe098f0ed4a2b09113"
        "0e6b5db46a20a86b");
    append("0000");
    append("0620d27db2fd1f22760e4c3dae8137e2d8fc1df6c0741c18aed4b97256bf78d1f55c");
    return out;
}

TEST_CASE("A third-party caveat is read, written back, and part of the signature chain") {
    const Bytes bytes = third_party_bytes();
    Macaroon macaroon = read(bytes);
    REQUIRE(macaroon.caveats.size() == 2);
    CHECK(macaroon.caveats[0].first_party());
    CHECK_FALSE(macaroon.caveats[1].first_party());
    CHECK(macaroon.caveats[1].location == "http://auth.mybank/");
    CHECK(macaroon.caveats[1].text() == "this was how we remind auth of key/pred");
    CHECK(macaroon.caveats[1].vid->size() == 72);
    CHECK(encode_v2(macaroon) == bytes);
    const ByteView key = as_bytes("this is a different super-secret key; never use the same secret twice");
    CHECK(macaroon.verifies(key));
    (*macaroon.caveats[1].vid)[0] ^= 1;
    CHECK_FALSE(macaroon.verifies(key));
}

TEST_CASE("go-macaroon's macaroons with L402 identifiers come out byte for byte") {
    struct Case {
        std::uint8_t key;  // 32 times this byte
        std::string identifier;
        const char* location;
        std::vector<std::string> caveats;
        const char* signature;
    };
    const auto repeated = [](const char* byte) {
        std::string out;
        for (int i = 0; i < 32; ++i) out += byte;
        return out;
    };
    const Case cases[] = {
        {1,
         "0000" + repeated("aa") + repeated("bb"),
         "",
         {},
         "1790bc6dc1964456355926bd4863e204d96b42629e94087abc906f85e91ccf93"},
        {2,
         "0000" + repeated("cc") + repeated("dd"),
         "https://example.com",
         {},
         "bf72e98fc5e23788a53dc0f03b6e5032689149d512847c463153d205c66642ac"},
        {3,
         "0000" + repeated("ee") + repeated("ff"),
         "",
         {"services=my_api:0"},
         "c794ae0e80b2b4af8ac81285f50e8d7af72722b79d06ea5ddb35beb1dd24b385"},
        {4,
         "0000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f505152535455565758595a5b5c5d5e5f606162636"
         "465666768696a6b6c6d6e6f",
         "https://api.example.com",
         {"services=my_api:0", "my_api_valid_until=1735689600"},
         "ac9a2b0d1d1feb3611a3cb4d2f4fffe7d0667d1824103751b188a0c59a5ca809"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.signature);
        const Bytes key(32, c.key);
        Macaroon macaroon = Macaroon::create(key, codec::from_hex(c.identifier).value(), c.location);
        for (const std::string& caveat : c.caveats) macaroon.add_first_party_caveat(caveat);
        CHECK(signature(macaroon) == c.signature);
        require_same(read(encode_v2(macaroon)), macaroon);
    }
    const Macaroon first = Macaroon::create(Bytes(32, 1), codec::from_hex(cases[0].identifier).value(), "");
    CHECK(codec::to_base64(encode_v2(first)) ==
          "AgJCAACqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqru7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7AAAGIBeQvG3BlkRW"
          "NVkmvUhj4gTZa0JinpQIe"
          "ryQb4XpHM+T");
}

TEST_CASE("A V2 macaroon that is cut short anywhere is refused") {
    for (const Bytes& whole :
         {third_party_bytes(),
          base64("AgETaHR0cDovL2V4YW1wbGUub3JnLwIFa2V5aWQAAAYgfN7nklEcW8b1KEhYBd_psk54XijiqZMB-dcRxgnjjvc=")}) {
        for (std::size_t length = 0; length < whole.size(); ++length) {
            CAPTURE(length);
            CHECK_FALSE(decode(ByteView(whole).first(length)));
        }
        CHECK(decode(whole));
    }
}

TEST_CASE("The location is not signed, everything else is") {
    const ByteView key = as_bytes("k");
    Macaroon macaroon = Macaroon::create(key, as_bytes("id"), "lsat");
    macaroon.add_first_party_caveat("a=1");
    macaroon.add_first_party_caveat("b=2");
    REQUIRE(macaroon.verifies(key));
    Macaroon changed = macaroon;
    changed.location = "elsewhere";
    CHECK(changed.verifies(key));
    changed = macaroon;
    changed.identifier.push_back('x');
    CHECK_FALSE(changed.verifies(key));
    changed = macaroon;
    changed.caveats.pop_back();
    CHECK_FALSE(changed.verifies(key));
    changed = macaroon;
    std::swap(changed.caveats[0], changed.caveats[1]);
    CHECK_FALSE(changed.verifies(key));
    changed = macaroon;
    changed.caveats[0].vid = Bytes{};  // the same identifier as a third-party caveat
    CHECK_FALSE(changed.verifies(key));
    for (std::size_t i = 0; i < macaroon.signature.size(); ++i) {
        changed = macaroon;
        changed.signature[i] ^= 1;
        CHECK_FALSE(changed.verifies(key));
    }
}

TEST_CASE("Any macaroon is read back as it was written, and keeps verifying when a holder attenuates it") {
    test::Random random(13);
    for (int i = 0; i < 300; ++i) {
        const Bytes key = random.bytes(static_cast<std::size_t>(random.below(100)));
        Macaroon macaroon = Macaroon::create(key, random.bytes(static_cast<std::size_t>(random.below(200))),
                                             random.text(static_cast<std::size_t>(random.below(40)), "abc:/.\xc3\xa9"));
        for (std::uint64_t n = random.below(20); n > 0; --n) {
            const Bytes condition = random.bytes(static_cast<std::size_t>(random.below(300)));
            macaroon.add_first_party_caveat(as_text(condition));
        }
        Macaroon back = read(encode_v2(macaroon));
        require_same(back, macaroon);
        CHECK(back.verifies(key));
        back.add_first_party_caveat("one more");
        macaroon.add_first_party_caveat("one more");
        CHECK(back.signature == macaroon.signature);
        CHECK(back.verifies(key));
    }
}

}  // namespace
}  // namespace millrace::macaroon
