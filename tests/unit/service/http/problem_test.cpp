#include "service/http/problem.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::http;

TEST_CASE("a 402 carries its challenge, its reason and its price") {
    Problem problem{402, "Pay \"this\".", "no_credential", Msat(1000)};
    problem.challenges = {"LSAT a", "L402 b"};
    const std::string body =
        R"({"type":"https://paymentauth.org/problems/payment-required","title":"Payment Required","status":402,"detail":"Pay \"this\".","reason":"no_credential","price_msat":1000})"
        "\n";
    CHECK(write_answer(problem, {"Sun, 06 Nov 1994 08:49:37 GMT"}) ==
          "HTTP/1.1 402 Payment Required\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nWWW-Authenticate: LSAT "
          "a\r\nWWW-Authenticate: L402 b\r\n"
          "Cache-Control: no-store\r\nContent-Type: application/problem+json\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + body);
}

TEST_CASE("C9: the document of a 402 holds what a client buys by L402, in satoshi rounded up") {
    Problem problem{402, "Pay.", "no_credential", Msat(1001)};
    problem.offer = TokenOffer{"AgEE", "lnbcrt10010p1", Msat(1001)};
    const std::string text = write_answer(problem, {"now"});
    CHECK(text.find(R"("price_msat":1001,"macaroon":"AgEE","invoice":"lnbcrt10010p1","amount_sats":2})") !=
          std::string::npos);
    problem.offer->amount = Msat(1);
    CHECK(write_answer(problem, {"now"}).find(R"("amount_sats":1})") != std::string::npos);
    problem.offer->amount = Msat(3000);
    CHECK(write_answer(problem, {"now"}).find(R"("amount_sats":3})") != std::string::npos);
    // A person reads the page, and a document without an offer says nothing of it.
    problem.page = "<!doctype html>";
    CHECK(write_answer(problem, {"now"}).find("AgEE") == std::string::npos);
    CHECK(write_answer({402, "Pay."}, {"now"}).find("macaroon") == std::string::npos);
}

TEST_CASE("a 402 for a person has the page in place of the document, and the same challenge") {
    Problem problem{402, "Pay.", "no_credential", Msat(1000)};
    problem.challenges = {"LSAT one", "L402 two"};
    problem.page = "<!doctype html>";
    problem.fields = {"Set-Cookie: a=b", "Referrer-Policy: no-referrer"};
    std::string text = write_answer(problem, {"now", 11, true, false});
    CHECK(text.find("HTTP/1.1 402 Payment Required\r\n") == 0);
    for (const char* line : {"WWW-Authenticate: LSAT one\r\n", "WWW-Authenticate: L402 two\r\n", "Set-Cookie: a=b\r\n",
                             "Referrer-Policy: no-referrer\r\n", "Cache-Control: no-store\r\n",
                             "Content-Type: text/html; charset=utf-8\r\n"})
        CHECK(text.find(line) != std::string::npos);
    CHECK(text.substr(text.find("\r\n\r\n")) == "\r\n\r\n<!doctype html>");
}

TEST_CASE("a problem may have a type and a title of its own") {
    Problem problem{402, "Too late."};
    problem.type = "https://paymentauth.org/problems/payment-expired";
    problem.title = "Payment Expired";
    const std::string answer = write_answer(problem, {"d"});
    CHECK(answer.substr(0, 32) == "HTTP/1.1 402 Payment Required\r\nD");
    CHECK(
        answer.find(
            R"({"type":"https://paymentauth.org/problems/payment-expired","title":"Payment Expired","status":402,"detail":"Too late."})") !=
        std::string::npos);
    CHECK(write_answer({404, "x"}, {"d"}).find(R"({"type":"about:blank","title":"Not Found",)") != std::string::npos);
}

TEST_CASE("an answer to HEAD has the length of the body it does not have") {
    std::string full = write_answer({404, "x"}, {"d"});
    std::string head = write_answer({404, "x"}, {"d", 11, true, true});
    CHECK(full.substr(0, head.size()) == head);
    CHECK(full.size() > head.size());
}

TEST_CASE("an answer says whether the connection goes on") {
    CHECK(write_answer({404, ""}, {"d", 11, true}).find("Connection:") == std::string::npos);
    CHECK(write_answer({404, ""}, {"d", 11, false}).find("\r\nConnection: close\r\n") != std::string::npos);
    CHECK(write_answer({404, ""}, {"d", 10, true}).find("\r\nConnection: keep-alive\r\n") != std::string::npos);
    Problem later{503, "x"};
    later.retry_after = 5;
    CHECK(write_answer(later, {"d"}).find("\r\nRetry-After: 5\r\n") != std::string::npos);
}

TEST_CASE("every status that is answered has a phrase") {
    for (unsigned status : {400U, 402U, 404U, 408U, 413U, 414U, 417U, 429U, 431U, 501U, 502U, 503U, 504U, 505U}) {
        INFO(status);
        CHECK(reason_phrase(status) != "Error");
    }
}
