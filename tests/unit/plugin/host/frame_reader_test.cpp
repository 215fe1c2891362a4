#include "plugin/host/frame_reader.hpp"

#include <algorithm>
#include <string>

#include "tests/unit/catch.hpp"

namespace millrace::host {
namespace {

void feed(FrameReader& frames, std::string_view bytes) {
    const auto space = frames.prepare(bytes.size());
    std::copy(bytes.begin(), bytes.end(), space.begin());
    frames.commit(bytes.size());
}

std::vector<std::string> drain(FrameReader& frames) {
    std::vector<std::string> out;
    while (const auto message = frames.next()) out.emplace_back(*message);
    return out;
}

const std::vector<std::string> expected{R"({"a":1})", R"({"b":"x\ny"})", "[\n]"};
const std::string stream = "{\"a\":1}\n\n{\"b\":\"x\\ny\"}\n\n[\n]\n\n";

TEST_CASE("messages are cut where they end, wherever the stream is cut") {
    for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
        FrameReader frames;
        std::vector<std::string> got;
        for (std::size_t at = 0; at < stream.size(); at += piece) {
            feed(frames, std::string_view(stream).substr(at, piece));
            for (std::string& message : drain(frames)) got.push_back(std::move(message));
        }
        INFO(piece);
        CHECK(got == expected);
    }
}

TEST_CASE("a message that is not whole yet is not handed out") {
    FrameReader frames;
    feed(frames, "{\"a\":1");
    CHECK(drain(frames).empty());
    feed(frames, "}");
    CHECK(drain(frames) == std::vector<std::string>{"{\"a\":1}"});
}

TEST_CASE("blank lines between messages are nothing") {
    FrameReader frames;
    feed(frames, "\n\n\n\n{}\n\n\n\n\n\n{}\n\n");
    std::vector<std::string> got = drain(frames);
    for (std::string& one : got) std::erase(one, '\n');
    CHECK(got == std::vector<std::string>{"{}", "{}"});
}

TEST_CASE("N11: framing follows JSON, not blank lines") {
    const std::vector<std::string> messages{
        "{\"id\":1,\"params\":{\n\n\"amount_msat\"\n\n:\n\n1000\n\n}}",
        "{\"a\":[\n\n\n[1,\r\n\r\n2]\n\n]}",
        R"({"a":"}\"]{\\","b":"\\\\"})",
        "{\"a\":\"x\n\ny\"}",  // no JSON, but no reason to lose what follows
        R"({"\\\"}":"[{"})",
        "[]",
        "{}",
        R"("a \" b")",
        "nonsense",
        "}",
        "7",
    };
    for (const std::string& between :
         {std::string(), std::string("\n"), std::string("\n\n"), std::string(" \r\n\t ")}) {
        std::string all;
        for (const std::string& one : messages) {
            const bool closed = one.front() == '{' || one.front() == '[' || one.front() == '"';
            all += one + (closed ? between : "\n\n");
        }
        for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{5}, all.size()}) {
            FrameReader frames;
            std::vector<std::string> got;
            for (std::size_t at = 0; at < all.size(); at += piece) {
                feed(frames, std::string_view(all).substr(at, piece));
                for (std::string& message : drain(frames)) got.push_back(std::move(message));
            }
            INFO(piece << " between '" << between << "'");
            CHECK(got == messages);
        }
    }
}

TEST_CASE("N11: a message without an end is found out") {
    FrameReader frames;
    const std::string half(FrameReader::max_message / 2 + 1, '\n');
    feed(frames, "{" + half);
    CHECK(drain(frames).empty());
    CHECK_FALSE(frames.overflowed());
    feed(frames, half);
    CHECK(drain(frames).empty());
    CHECK(frames.overflowed());
}

TEST_CASE("many messages in many reads come out whole and in order") {
    FrameReader frames;
    std::string all;
    for (int i = 0; i < 500; ++i)
        all += "{\"n\":" + std::to_string(i) + ",\"x\":\"" + std::string(static_cast<std::size_t>(i * 7 % 900), 'x') +
               "\"}\n\n";
    int count = 0;
    for (std::size_t at = 0; at < all.size(); at += 611) {
        feed(frames, std::string_view(all).substr(at, 611));
        for (const std::string& message : drain(frames)) {
            CHECK(message.starts_with("{\"n\":" + std::to_string(count) + ","));
            ++count;
        }
    }
    CHECK(count == 500);
    CHECK_FALSE(frames.overflowed());
}

}  // namespace
}  // namespace millrace::host
