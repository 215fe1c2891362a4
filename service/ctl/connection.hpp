// One request to the admin API and its answer, over TCP or a unix socket, within a time.
#pragma once

#include <chrono>
#include <string>

#include "common/result/error.hpp"
#include "service/config/secret_text.hpp"
#include "service/ctl/request.hpp"

namespace millrace::ctl {

enum class Errc {
    bad_url = 1,  // not http://host[:port]
    unreachable,  // nobody listens, or no permission
    broken,       // no whole answer, or not in time
};

struct Place {
    std::string url = "http://127.0.0.1:9403";
    std::string socket = {};  // path; instead of the url
    config::SecretText token = {};
    std::chrono::seconds patience{60};
};

struct Reply {
    unsigned status = 0;
    std::string type = {};  // Content-Type
    std::string body = {};
};

// Errors: Errc.
[[nodiscard]] Result<Reply> ask(const Place& place, const Request& request);

// What a URL must look like, for messages; empty where it is good.
[[nodiscard]] std::string fault_of_url(const std::string& url);

}  // namespace millrace::ctl

namespace millrace {
template <>
struct ErrcText<ctl::Errc> {
    static constexpr const char* domain = "millrace.ctl";
    static const char* text(ctl::Errc errc);
};
}  // namespace millrace
