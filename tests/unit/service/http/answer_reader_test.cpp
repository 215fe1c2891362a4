#include "service/http/answer_reader.hpp"

#include <cstring>
#include <string>

#include "tests/unit/catch.hpp"

using namespace millrace::http;
using Step = AnswerReader::Step;

namespace {

void put(Buffer& in, std::string_view bytes) {
    std::size_t room = 0;
    char* data = in.prepare(bytes.size(), &room);
    std::memcpy(data, bytes.data(), bytes.size());
    in.commit(bytes.size());
}

struct Seen {
    unsigned interim = 0;
    Step end = Step::more;
    unsigned status = 0;
    std::string rest = {};
    bool operator==(const Seen&) const = default;
};

Seen read(const std::string& bytes, std::size_t step, bool upgrades) {
    Buffer in;
    ResponseReader reader;
    AnswerReader answer({1024, 1024}, false, upgrades);
    Seen out;
    for (std::size_t at = 0; at < bytes.size() && out.end == Step::more; at += step) {
        put(in, std::string_view(bytes).substr(at, step));
        while ((out.end = answer.next(in, reader)) == Step::interim) ++out.interim;
    }
    if (out.end == Step::final) out.status = reader.head().status;
    return out;
}

}  // namespace

TEST_CASE("H4: interim answers are skipped up to the final one, however they are cut") {
    const std::string hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    const std::string carry_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const std::string final = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
    const std::string switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n";
    std::string eight;
    for (int i = 0; i < 8; ++i) eight += hint;
    struct {
        std::string bytes;
        bool upgrades;
        Seen want;
    } const cases[] = {
        {final, false, {0, Step::final, 200}},
        {hint + final, false, {1, Step::final, 200}},
        {carry_on + hint + final, false, {2, Step::final, 200}},
        {eight + final, false, {8, Step::final, 200}},
        {eight + carry_on + final, false, {8, Step::bad, 0}},
        {hint, false, {1, Step::more, 0}},
        {switching, true, {0, Step::final, 101}},
        {hint + switching, true, {1, Step::final, 101}},
        {switching, false, {0, Step::bad, 0}},
        {"nonsense\r\n\r\n", false, {0, Step::bad, 0}},
        {hint + "nonsense\r\n\r\n", false, {1, Step::bad, 0}},
        {"HTTP/1.1 200 OK\r\nA: " + std::string(1100, 'x'), false, {0, Step::bad, 0}},
        {"HTTP/1.1 200 OK\r\nA: " + std::string(1100, 'x') + "\r\n\r\n", false, {0, Step::bad, 0}},
        {"HTTP/1.1 999 Odd\r\n\r\n", false, {0, Step::bad, 0}},
    };
    for (const auto& c : cases) {
        for (const std::size_t step : {1U, 7U, 64U, 4096U}) {
            INFO(c.bytes << " in steps of " << step);
            CHECK(read(c.bytes, step, c.upgrades) == c.want);
        }
    }
}

TEST_CASE("H4: what follows the final head stays in the buffer") {
    Buffer in;
    ResponseReader reader;
    AnswerReader answer({1024, 1024}, false, false);
    put(in, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    CHECK(answer.next(in, reader) == Step::interim);
    CHECK(answer.next(in, reader) == Step::final);
    CHECK(in.view() == "ok");
}
