// What goes wrong between a URL and the end of a response.
#pragma once

#include "common/result/error.hpp"

namespace millrace::client {

enum class HttpErrc {
    bad_url = 1,  // not an http:// or https:// URL that can be asked for
    unreachable,  // cannot resolve, connect or agree on TLS
    broken,       // the exchange ended or stalled before it was complete
    bad_ca_file,  // --ca-file cannot be read
};

}  // namespace millrace::client

namespace millrace {
template <>
struct ErrcText<client::HttpErrc> {
    static constexpr const char* domain = "millrace.client.http";
    static const char* text(client::HttpErrc errc);
};
}  // namespace millrace
