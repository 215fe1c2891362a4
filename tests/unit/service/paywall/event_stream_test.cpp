#include "service/paywall/event_stream.hpp"

#include <vector>

#include "tests/unit/catch.hpp"

namespace millrace::paywall {
namespace {

struct Seen {
    std::vector<std::string> events;
    std::string flags;  // of each: d has data, f is the last, - neither
    std::string rest;
};

Seen read(std::string_view text, std::size_t piece) {
    EventStream stream;
    Seen out;
    for (std::size_t at = 0; at < text.size(); at += piece) {
        stream.feed(text.substr(at, piece));
        while (auto event = stream.next()) {
            out.events.push_back(event->text);
            out.flags += event->is_done ? 'f' : event->has_data ? 'd' : '-';
        }
    }
    out.rest = stream.rest();
    return out;
}

TEST_CASE("A stream of events is taken apart at its blank lines, and nothing of it is lost") {
    struct Case {
        std::string text;
        std::string flags;
        std::string rest;
    };
    const Case cases[] = {
        {"", "", ""},
        {"data: a\n\ndata: b\n\n", "dd", ""},
        {"data: a\r\n\r\ndata: b\r\n\r\nx", "dd", "x"},
        {"data: a\r\rdata: b\r\rx", "dd", "x"},
        {"data: a\ndata: b\nid: 1\n\n", "d", ""},
        {"data\n\n", "d", ""},
        {"data:\n\n", "d", ""},
        {": comment\n\nretry: 3000\n\ndata: a\n\n", "--d", ""},
        {"database: no\n\n", "-", ""},
        {"event: message\ndata: a\n\ndata: [DONE]\n\n", "df", ""},
        {"data:[DONE]\n\n", "f", ""},
        {"data: [DONE]\ndata: no\n\n", "d", ""},
        {"data: no\ndata: [DONE]\n\n", "d", ""},
        {"\n\ndata: a\n\n", "--d", ""},
        {"data: cut off", "", "data: cut off"},
        {"data: a\n\ndata: b\n", "d", "data: b\n"},
    };
    for (const Case& one : cases) {
        for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U}) {
            CAPTURE(one.text, piece);
            const Seen seen = read(one.text, piece);
            CHECK(seen.flags == one.flags);
            CHECK(seen.rest == one.rest);
            std::string whole;
            for (const std::string& event : seen.events) whole += event;
            CHECK(whole + seen.rest == one.text);
        }
    }
}

TEST_CASE("An event beyond all measure comes in parts, each of which counts") {
    const std::string text = "data: " + std::string(EventStream::max_event * 2, 'x') + "\n\n";
    const Seen seen = read(text, 64 * 1024);
    REQUIRE(seen.events.size() >= 2);
    CHECK(seen.flags.find('f') == std::string::npos);
    std::string whole;
    for (const std::string& event : seen.events) whole += event;
    CHECK(whole + seen.rest == text);
}

}  // namespace
}  // namespace millrace::paywall
