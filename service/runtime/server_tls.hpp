// TLS towards clients: TLS 1.2 and newer. A client that offers protocols by ALPN (RFC 7301), HTTP/1 not among them,
// gets no_application_protocol; one that offers none speaks HTTP/1.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "service/config/config.hpp"

namespace millrace::runtime {

// Loads certificate and key. Errors: config bad_value, with what is wrong with them.
[[nodiscard]] Result<std::shared_ptr<boost::asio::ssl::context>> server_tls(const config::TlsFiles& files);

}  // namespace millrace::runtime
