#include "common/json/text.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <cmath>

namespace millrace::json {
namespace {

namespace bj = boost::json;

void append(std::string& out, const bj::value& value);

void append(std::string& out, double number) {
    if (!std::isfinite(number)) {
        out += "null";
        return;
    }
    // The widest finite double has 309 digits before the point, the narrowest 1074 behind it.
    std::array<char, 1100> digits{};
    const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number, std::chars_format::fixed);
    out.append(digits.data(), written.ptr);
}

void append(std::string& out, const bj::object& object) {
    out += '{';
    bool first = true;
    for (const auto& [key, member] : object) {
        if (!first) out += ',';
        first = false;
        out += bj::serialize(bj::string_view(key));
        out += ':';
        append(out, member);
    }
    out += '}';
}

void append(std::string& out, const bj::array& array) {
    out += '[';
    bool first = true;
    for (const bj::value& element : array) {
        if (!first) out += ',';
        first = false;
        append(out, element);
    }
    out += ']';
}

void append(std::string& out, const bj::value& value) {
    switch (value.kind()) {
        case bj::kind::object:
            return append(out, value.get_object());
        case bj::kind::array:
            return append(out, value.get_array());
        case bj::kind::double_:
            return append(out, value.get_double());
        default:
            out += bj::serialize(value);
    }
}

}  // namespace

std::string to_text(const bj::value& value) {
    std::string out;
    append(out, value);
    return out;
}

std::string to_text(const bj::object& value) {
    std::string out;
    append(out, value);
    return out;
}

}  // namespace millrace::json
