// TLS towards upstreams: their certificates are verified, unless the configuration says otherwise.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "service/config/config.hpp"

namespace millrace::upstream {

// Against the system's authorities or those of `settings`, with a client's certificate where it names one. Errors:
// config bad_value, with what is wrong with which file.
[[nodiscard]] Result<std::shared_ptr<boost::asio::ssl::context>> client_tls(const config::UpstreamTls& settings);

}  // namespace millrace::upstream
