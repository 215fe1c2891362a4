// JSON as it leaves for people and their tools: boost::json::serialize, with numbers as plain decimals. "5242.879", not
// "5.242879E3"; "0", not "0E0". A double is written with as few digits as give it back; one that is not finite as null.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace millrace::json {

[[nodiscard]] std::string to_text(const boost::json::value& value);
[[nodiscard]] std::string to_text(const boost::json::object& value);

}  // namespace millrace::json
