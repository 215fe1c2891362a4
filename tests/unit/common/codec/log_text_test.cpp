#include "common/codec/log_text.hpp"

#include "tests/unit/catch.hpp"

using millrace::codec::log_text;

TEST_CASE("H30: what a terminal acts upon, or what reads as something else, is logged as an escape") {
    struct {
        std::string text;
        std::string logged;
    } const cases[] = {
        {"/weather/today?q=1", "/weather/today?q=1"},
        {"", ""},
        {"a\nb\r\tc", "a\\u000ab\\u000d\\u0009c"},
        {std::string("a\0b", 3), "a\\u0000b"},
        {"\x1b[2J\x7f", "\\u001b[2J\\u007f"},
        {"\xc2\x80 \xc2\x9b \xc2\x9f", "\\u0080 \\u009b \\u009f"},
        {"\xc2\xa0 \xc3\xa9", "\xc2\xa0 \xc3\xa9"},
        {"/\xe2\x80\xaegnp.exe", "/\\u202egnp.exe"},
        {"\xe2\x80\xaa \xe2\x80\xab \xe2\x80\xac \xe2\x80\xad", "\\u202a \\u202b \\u202c \\u202d"},
        {"\xe2\x81\xa6 \xe2\x81\xa7 \xe2\x81\xa8 \xe2\x81\xa9", "\\u2066 \\u2067 \\u2068 \\u2069"},
        {"\xe2\x80\x8e \xe2\x80\x8f \xd8\x9c", "\\u200e \\u200f \\u061c"},
        {"\xe2\x80\xa8 \xe2\x80\xa9", "\\u2028 \\u2029"},
        {"\xe2\x80\x8d \xe2\x81\xa5 \xe2\x81\xaa", "\xe2\x80\x8d \xe2\x81\xa5 \xe2\x81\xaa"},
        {"\xe5\xa4\xa9\xe6\xb0\x97 \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xf0\x9f\x8c\xa4",
         "\xe5\xa4\xa9\xe6\xb0\x97 \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xf0\x9f\x8c\xa4"},
        {"a\\u202eb", "a\\\\u202eb"},
        // No UTF-8: a byte alone, a sequence cut short, overlong forms, a surrogate, beyond U+10FFFF.
        {"\xff\xfe", "\\xff\\xfe"},
        {"\x9b[2J", "\\x9b[2J"},
        {"a\xc3", "a\\xc3"},
        {"\xe2\x80", "\\xe2\\x80"},
        {"\xe2\x80z", "\\xe2\\x80z"},
        {"\xc0\x8a \xe0\x80\x8a", "\\xc0\\x8a \\xe0\\x80\\x8a"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"\xf4\x90\x80\x80 \xf5\x80\x80\x80", "\\xf4\\x90\\x80\\x80 \\xf5\\x80\\x80\\x80"},
        {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
    };
    for (const auto& one : cases) {
        INFO(one.logged);
        CHECK(log_text(one.text) == one.logged);
    }
}
