#include "service/pricing/pricer_answer.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;

TEST_CASE("a pricer is told what the service names, and nothing else") {
    pricing::Question question;
    question.service = "weather";
    question.local = Msat(1000);
    CHECK(pricing::write_question(question) == R"({"service":"weather","local_price_msat":1000})");
    question.route = "maps";
    question.tier = 1;
    question.tier_name = "gold";
    question.facts = {{"method", "GET"}, {"path", "/a\"b"}, {"content_length", "12"}, {"client", "192.0.2.0/24"}};
    question.headers = {{"x-model", "large"}};
    CHECK(pricing::write_question(question) ==
          R"({"service":"weather","route":"maps","tier":"gold","local_price_msat":1000,"method":"GET","path":"/a\"b",)"
          R"("content_length":12,"client":"192.0.2.0/24","headers":{"x-model":"large"}})");
}

TEST_CASE("an answer is a price within bounds, or none at all") {
    config::Pricer bounded;
    bounded.min = Msat(100);
    bounded.max = Msat(5000);
    const config::Pricer usual;
    config::Pricer giving;
    giving.min = Msat(0);
    struct {
        const char* body;
        const config::Pricer& pricer;
        const char* expected;
    } const cases[] = {
        {R"({"price_msat":1500})", usual, "1500"},
        {R"({"price_msat":1500,"reason":"evening","more":[1]})", usual, "1500"},
        {R"({"price_msat":1099511627775})", usual, "1099511627775"},
        {R"({"price_msat":1099511627776})", usual, "bad_price"},
        {R"({"price_msat":99999999999999999999999})", usual, "bad_price"},
        {R"({"price_msat":-1})", usual, "bad_price"},
        {R"({"price_msat":1.5})", usual, "bad_price"},
        {R"({"price_msat":"1500"})", usual, "bad_price"},
        {R"({"price_msat":null})", usual, "bad_price"},
        {R"({"price_msat":true})", usual, "bad_price"},
        {R"({"price":1500})", usual, "bad_price"},
        {R"({"price_msat":0})", usual, "bad_price"},
        {R"({"price_msat":0})", bounded, "bad_price"},
        {R"({"price_msat":0})", giving, "0"},
        {R"({"price_msat":1})", bounded, "100 clamped"},
        {R"({"price_msat":100})", bounded, "100"},
        {R"({"price_msat":5001})", bounded, "5000 clamped"},
        {R"([1500])", usual, "bad_price"},
        {"1500", usual, "bad_price"},
        {"", usual, "not_json"},
        {"<html>", usual, "not_json"},
        {R"({"price_msat":1500} )", usual, "1500"},
        {R"({"price_msat":1500}x)", usual, "not_json"},
    };
    for (const auto& c : cases) {
        INFO(c.body);
        auto answer = pricing::read_answer(c.body, c.pricer);
        std::string text;
        if (answer)
            text = std::to_string(answer->price.value()) + (answer->clamped ? " clamped" : "");
        else
            text = is(answer.error(), pricing::Errc::not_json) ? "not_json" : "bad_price";
        CHECK(text == c.expected);
    }
}
