// One HTTP/1.1 exchange over its own connection, plain or TLS (certificate and host name verified).
//
//   auto exchange = co_await HttpExchange::open(executor, target, request, settings);   // head received
//   (*exchange)->head();
//   co_await (*exchange)->read_body(sink);
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result/error.hpp"

namespace millrace::client {

enum class HttpErrc {
    bad_url = 1,  // not an http:// or https:// URL
    unreachable,  // cannot resolve, connect or agree on TLS
    broken,       // the exchange ended or stalled before it was complete
    bad_ca_file,  // --ca-file cannot be read
};

// A URL taken apart.
struct Target {
    bool tls = false;
    std::string host;       // without brackets
    std::string port;       // digits
    std::string authority;  // for the Host header
    std::string origin;     // scheme://host:port, lower case, port always written
    std::string path;       // without the query
    std::string resource;   // path and query
};

// Errors: bad_url.
[[nodiscard]] Result<Target> parse_target(const std::string& url);

struct HttpRequest {
    std::string method;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
};

struct HttpSettings {
    std::string ca_file;
    std::chrono::seconds timeout{60};
};

struct HttpHead {
    int status = 0;
    std::string reason;
    std::vector<std::pair<std::string, std::string>> headers;  // in the order received

    [[nodiscard]] std::vector<std::string> values(std::string_view name) const;
};

class HttpExchange {
  public:
    virtual ~HttpExchange() = default;

    // Sends the request and reads the answer's head. Errors: unreachable, broken, bad_ca_file.
    static boost::asio::awaitable<Result<std::unique_ptr<HttpExchange>>> open(boost::asio::any_io_executor executor,
                                                                              Target target, HttpRequest request,
                                                                              HttpSettings settings);

    [[nodiscard]] const HttpHead& head() const { return head_; }

    // Hands the body piece by piece to `sink`, which answers false to stop. Errors: broken.
    using Sink = std::function<bool(std::string_view)>;
    virtual boost::asio::awaitable<Result<void>> read_body(Sink sink) = 0;

  protected:
    HttpHead head_;
};

}  // namespace millrace::client

namespace millrace {
template <>
struct ErrcText<client::HttpErrc> {
    static constexpr const char* domain = "millrace.client.http";
    static const char* text(client::HttpErrc errc);
};
}  // namespace millrace
