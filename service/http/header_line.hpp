// One field line of a message's head or trailers, as views of the bytes that were read.
#pragma once

// Boost 1.83's field.hpp names std::uint32_t and does not include it.
#include <cstdint>

#include <boost/beast/http/field.hpp>
#include <string_view>

namespace millrace::http {

using Field = boost::beast::http::field;

struct HeaderLine {
    Field id = Field::unknown;
    std::string_view name;
    std::string_view value;
};

}  // namespace millrace::http
