// What a pricer answers. Whatever it is, the price that comes of it lies within the service's bounds, is not 0 where
// nothing is given away, and what is written of a question can be read again.
#include <boost/json/parse.hpp>

#include "service/pricing/pricer_answer.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace millrace;
    std::string_view text = as_text({data, size});
    config::Pricer usual;
    config::Pricer bounded;
    bounded.min = Msat(100);
    bounded.max = Msat(5000);
    config::Pricer giving;
    giving.min = Msat(0);
    for (const config::Pricer* pricer : {&usual, &bounded, &giving}) {
        auto answer = pricing::read_answer(text, *pricer);
        if (!answer) {
            FUZZ_REQUIRE(!answer.error().message.empty());
            continue;
        }
        FUZZ_REQUIRE(answer->price >= pricer->min && answer->price <= pricer->max);
        FUZZ_REQUIRE(answer->price > Msat(0) || pricer == &giving);
    }
    std::string plain(text.substr(0, 1000));
    for (char& c : plain) c = static_cast<char>(' ' + static_cast<unsigned char>(c) % 95);
    pricing::Question question;
    question.facts = {{"path", plain}};
    question.headers = {{"x", plain}};
    boost::system::error_code not_json;
    auto written = boost::json::parse(pricing::write_question(question), not_json);
    FUZZ_REQUIRE(!not_json && written.at("path").as_string() == std::string_view(plain));
    FUZZ_REQUIRE(pricing::thing_of(question).size() == 32);
    return 0;
}
