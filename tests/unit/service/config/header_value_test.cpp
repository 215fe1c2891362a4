#include "service/config/header_value.hpp"

#include <unistd.h>

#include <fstream>

#include "tests/unit/catch.hpp"

using namespace millrace;

namespace {

std::optional<std::string> variable(const std::string& name) {
    if (name == "API_KEY") return "s3cret";
    if (name == "_2") return "two";
    if (name == "EMPTY") return "";
    if (name == "LINES") return "a\r\nX-Evil: 1";
    return std::nullopt;
}

const std::filesystem::path folder = std::filesystem::temp_directory_path();

}  // namespace

TEST_CASE("a value is text, with variables of the environment in it") {
    struct {
        const char* written;
        const char* value;
    } const cases[] = {
        {"plain", "plain"},
        {"${API_KEY}", "s3cret"},
        {"Bearer ${API_KEY}", "Bearer s3cret"},
        {"${API_KEY}-${_2}${_2}", "s3cret-twotwo"},
        {"$${API_KEY}", "${API_KEY}"},
        {"$ and $$ and } and {", "$ and $$ and } and {"},
        {"a\tb", "a\tb"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
    };
    for (const auto& c : cases) {
        INFO(c.written);
        auto value = config::read_header_value(c.written, folder, variable);
        REQUIRE(value);
        CHECK(value->reveal() == c.value);
    }
}

TEST_CASE("a value that is missing or malformed is refused, and no message shows one") {
    struct {
        std::string written;
        const char* fault;
    } const cases[] = {
        {"${NOTHING}", "the variable NOTHING is not set in the environment of millraced"},
        {"${API_KEY", "must have the name of a variable between \"${\" and \"}\""},
        {"${}", "must have the name of a variable"},
        {"${API KEY}", "must have the name of a variable"},
        {"${2}", "must have the name of a variable"},
        {"${EMPTY}", "what it stands for is empty"},
        {"s3cret${LINES}", "has a line end or another control character in it"},
        {"s3cret ", "begins or ends with a space"},
        {std::string("a\0b", 3), "control character"},
        {std::string(8193, 'x'), "more than 8192 bytes"},
        {"file:/nonexistent/s3cret", "the file /nonexistent/s3cret cannot be read"},
        {"file:/", "the file / cannot be read"},
    };
    for (const auto& c : cases) {
        INFO(c.written);
        auto value = config::read_header_value(c.written, folder, variable);
        REQUIRE_FALSE(value);
        INFO(value.error().message);
        CHECK(value.error().message.find(c.fault) != std::string::npos);
        bool names_file = c.written.starts_with("file:");
        if (!names_file) CHECK(value.error().message.find("s3cret") == std::string::npos);
    }
    CHECK_FALSE(config::read_header_value("${API_KEY}", folder, {}));
}

TEST_CASE("a value is what is in a file, without the line end behind it") {
    const std::string name = "millrace-value-" + std::to_string(::getpid());
    struct {
        std::string content;
        const char* value;  // null: refused
    } const cases[] = {
        {"key", "key"},
        {"key\n", "key"},
        {"key\r\n", "key"},
        {"${API_KEY}\n", "${API_KEY}"},
        {"two\nlines\n", nullptr},
        {"", nullptr},
        {"\n", nullptr},
        {std::string(9000, 'x'), nullptr},
    };
    for (const auto& c : cases) {
        std::ofstream(folder / name, std::ios::binary) << c.content;
        for (const std::string& path : {name, (folder / name).string()}) {
            auto value = config::read_header_value("file:" + path, folder, variable);
            REQUIRE(value.has_value() == (c.value != nullptr));
            if (c.value) CHECK(value->reveal() == c.value);
        }
    }
    std::filesystem::remove(folder / name);
}

TEST_CASE("fields of the connection, of framing and of millraced cannot be set") {
    for (const char* name : {"X-Api-Key", "Authorization", "Host", "Cookie", "x_1", "Accept", "User-Agent", "Viable"})
        CHECK_FALSE(config::fault_of_header_name(name));
    for (const char* name :
         {"Connection", "keep-alive", "KEEP_ALIVE", "TE", "Trailer", "Upgrade", "Transfer-Encoding", "content-length",
          "Content_Length", "Expect", "HTTP2-Settings", "Proxy-Connection", "Proxy-Authorization"})
        CHECK(config::fault_of_header_name(name) ==
              "belongs to the connection or says where a message ends: it cannot be set");
    for (const char* name : {"Via", "Forwarded", "X-Forwarded-For", "x_forwarded_host", "X-L402-Token-Id"})
        CHECK(config::fault_of_header_name(name) == "is for millraced itself to say: it cannot be set");
    for (const char* name : {"", "a b", "a:", "a\r\n", "\xc3\xa9", "(x)"})
        CHECK(config::fault_of_header_name(name) == "is no name of a header field");
}
