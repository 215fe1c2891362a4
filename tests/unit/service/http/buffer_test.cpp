#include "service/http/buffer.hpp"

#include <cstring>
#include <string>

#include "tests/unit/catch.hpp"

using namespace millrace::http;

namespace {

void put(Buffer& buffer, std::string_view text) {
    std::size_t room = 0;
    char* data = buffer.prepare(text.size(), &room);
    REQUIRE(room >= text.size());
    std::memcpy(data, text.data(), text.size());
    buffer.commit(text.size());
}

}  // namespace

TEST_CASE("H2: what was pinned stays as it is and where it is, however much is read behind it") {
    Buffer buffer;
    std::size_t room = 0;
    buffer.prepare(64, &room);  // a block with room for more
    put(buffer, "head|body");
    PinnedBytes head = buffer.pin(5);
    const char* where = head.view().data();
    CHECK(buffer.view() == "body");
    std::string all = "body";
    for (int i = 0; i < 200; ++i) {
        put(buffer, std::string(static_cast<std::size_t>(i), 'x'));
        all.append(static_cast<std::size_t>(i), 'x');
        if (i % 3 == 0) {
            CHECK(buffer.view() == all);
            buffer.consume(buffer.size());
            all.clear();
        }
        REQUIRE(head.view() == "head|");
        REQUIRE(head.view().data() == where);
    }
}

TEST_CASE("H2: pinned bytes outlive their buffer") {
    PinnedBytes head;
    {
        Buffer buffer;
        put(buffer, "head|body");
        head = buffer.pin(5);
        buffer.release();
        put(buffer, "something else");
        CHECK(head.view() == "head|");
    }
    CHECK(head.view() == "head|");
}

TEST_CASE("a buffer whose pinned bytes are gone uses all of its memory again") {
    Buffer buffer;
    std::size_t room = 0;
    buffer.prepare(64, &room);
    const std::size_t capacity = buffer.capacity();
    for (int i = 0; i < 100; ++i) {
        put(buffer, "head|body|next");
        PinnedBytes head = buffer.pin(5);
        buffer.consume(5);
        CHECK(buffer.view() == "next");
        head = {};
        buffer.clear();
    }
    CHECK(buffer.capacity() == capacity);
    buffer.prepare(64, &room);
    CHECK(room == capacity);
}

TEST_CASE("of two heads in one buffer, each stays until it is let go") {
    Buffer buffer;
    put(buffer, "one|two|rest");
    PinnedBytes one = buffer.pin(4);
    PinnedBytes two = buffer.pin(4);
    one = {};
    put(buffer, std::string(1000, 'x'));
    buffer.clear();
    put(buffer, std::string(1000, 'y'));
    CHECK(two.view() == "two|");
}

TEST_CASE("what is left moves to the front of the buffer's own part where that makes room") {
    Buffer buffer;
    std::size_t room = 0;
    buffer.prepare(32, &room);
    const std::size_t capacity = buffer.capacity();
    put(buffer, "head|" + std::string(20, 'a') + "bc");
    PinnedBytes head = buffer.pin(5);
    buffer.consume(20);
    put(buffer, std::string(20, 'd'));
    CHECK(buffer.capacity() == capacity);
    CHECK(buffer.view() == "bc" + std::string(20, 'd'));
    CHECK(head.view() == "head|");
}
