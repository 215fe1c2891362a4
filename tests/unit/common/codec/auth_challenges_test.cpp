#include "common/codec/auth_challenges.hpp"

#include "tests/unit/catch.hpp"

namespace millrace::codec {
namespace {

std::string written(const std::vector<AuthChallenge>& challenges) {
    std::string out;
    for (const AuthChallenge& challenge : challenges) {
        out += challenge.scheme + '(';
        for (const auto& [name, value] : challenge.parameters) out += name + '<' + value + '>';
        out += ')';
    }
    return out;
}

TEST_CASE("C4: challenges are read as servers write them, spaces around the equals sign and all") {
    struct Case {
        std::vector<std::string> values;
        const char* read;
    };
    const Case cases[] = {
        {{}, ""},
        {{"", " , ,", "="}, ""},
        {{"Basic"}, "Basic()"},
        {{R"(L402 a="1", b="2")"}, "L402(a<1>b<2>)"},
        {{R"(L402 a = "1" , b= "2", c ="3",d	=	4)"}, "L402(a<1>b<2>c<3>d<4>)"},
        {{R"(L402 a="1" b="2")"}, "L402(a<1>b<2>)"},
        {{R"(L402 a="1",b="2",)"}, "L402(a<1>b<2>)"},
        {{R"(A a="1", B b="2")", R"(C c="3")"}, "A(a<1>)B(b<2>)C(c<3>)"},
        {{R"(A a="x, B b=\"y\" \\ z", c=d)"}, R"(A(a<x, B b="y" \ z>c<d>))"},
        {{"A a=bcd==, b=e"}, "A(a<bcd==>b<e>)"},
        {{R"(Negotiate dGVzdA==, L402 a="1")"}, "Negotiate(dGVzdA<=>)L402(a<1>)"},
        {{R"(a="1", L402 b="2")"}, "L402(b<2>)"},     // of no challenge
        {{R"(A a="1)", R"(B b="2")"}, "A()B(b<2>)"},  // never closed
        {{R"(A a="1)"
          "\\",
          R"(b="2")"},
         "A()"},
        {{R"(A a=, b="2")"}, "A(a<>b<2>)"},
        {{R"(A a)"}, "A()a()"},
        {{R"("A" b="1")"}, "A(b<1>)"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.values);
        CHECK(written(parse_auth_challenges(c.values)) == c.read);
    }
}

TEST_CASE("a scheme and a parameter are found in any case, and the first of a name counts") {
    const std::vector<std::string> values{R"(l402 MACAROON="1", macaroon="2")"};
    const AuthChallenge challenge = parse_auth_challenges(values).at(0);
    CHECK(challenge.is("L402"));
    CHECK_FALSE(challenge.is("L40"));
    CHECK(challenge.first("macaroon") == "1");
    CHECK(challenge.first("invoice").empty());
}

}  // namespace
}  // namespace millrace::codec
