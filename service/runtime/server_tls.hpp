// TLS towards clients: TLS 1.2 and newer, HTTP/1.1 by ALPN.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "service/config/config.hpp"

namespace millrace::runtime {

// Loads certificate and key. Errors: config bad_value, with what is wrong with them.
[[nodiscard]] Result<std::shared_ptr<boost::asio::ssl::context>> server_tls(const config::TlsFiles& files);

}  // namespace millrace::runtime
