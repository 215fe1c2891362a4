// One HTTP/1.1 exchange over its own connection, plain or TLS (certificate and host name verified). Interim answers
// (100, 102, 103) are skipped; more than a hundred of them, or an answer that switches protocols, break the exchange.
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

#include "contrib/client/http_error.hpp"
#include "contrib/client/target.hpp"

namespace millrace::client {

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

    // Sends the request and reads the head of the final answer. Errors: unreachable, broken, bad_ca_file.
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
