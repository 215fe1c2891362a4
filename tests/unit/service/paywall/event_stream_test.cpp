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
    out.rest = stream.rest().text;
    if (!out.rest.empty()) out.rest.resize(out.rest.size() - 2);  // the blank line that it lacked
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

TEST_CASE("What no blank line has ended is told with one, and whether it is an event") {
    struct {
        std::string text;
        std::string rest;
        bool has_data;
    } const cases[] = {
        {"data: a\n\n", "", false},
        {"data: last", "data: last\n\n", true},
        {"data: a\n\ndata: last\n", "data: last\n\n\n", true},
        {"data: last\r\r", "data: last\r\r\n\n", true},
        {"id: 1\ndata", "id: 1\ndata\n\n", true},
        {": bye", ": bye\n\n", false},
        {"database: no", "database: no\n\n", false},
        {"data: [DONE]", "data: [DONE]\n\n", false},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        EventStream stream;
        stream.feed(one.text);
        while (stream.next()) {
        }
        const EventStream::Event rest = stream.rest();
        CHECK(rest.text == one.rest);
        CHECK(rest.has_data == one.has_data);
        CHECK(stream.rest().text.empty());
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
