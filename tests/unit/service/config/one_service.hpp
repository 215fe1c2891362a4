// A configuration of one service, for tests of what its keys mean. Lines are counted in the messages: what is added
// begins in line 12.
#pragma once

#include <string>
#include <string_view>

#include "service/config/load.hpp"

namespace millrace {

inline const std::string one_service = R"([listen]
address = "127.0.0.1:8402"
[node]
gateway = "g.sock"
[store]
path = "m.db"
[[service]]
name = "weather"
path = "/weather/"
upstream = "http://127.0.0.1:9000"
price_msat = 1000
)";

inline Result<config::Config> parse_one_service(const std::string& lines, std::string_view file = "m.toml") {
    return config::parse(one_service + lines, file);
}

}  // namespace millrace
