#include "service/runtime/server_tls.hpp"

#include <openssl/ssl.h>

namespace millrace::runtime {

namespace ssl = boost::asio::ssl;

Result<std::shared_ptr<ssl::context>> server_tls(const config::TlsFiles& files) {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    boost::system::error_code error;
    context->set_options(ssl::context::default_workarounds | ssl::context::no_compression, error);
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    // Idle connections then hold no buffers of OpenSSL's.
    SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
    context->use_certificate_chain_file(files.certificate.string(), error);
    if (error)
        return fail(config::Errc::bad_value, "listen.tls_cert: " + files.certificate.string() + ": " + error.message() +
                                                 "; it must be a certificate chain in PEM");
    context->use_private_key_file(files.key.string(), ssl::context::pem, error);
    if (error)
        return fail(config::Errc::bad_value, "listen.tls_key: " + files.key.string() + ": " + error.message() +
                                                 "; it must be the key of listen.tls_cert in PEM");
    if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
        return fail(config::Errc::bad_value,
                    "listen.tls_key: " + files.key.string() + " does not belong to the certificate in listen.tls_cert");
    }
    SSL_CTX_set_alpn_select_cb(
        context->native_handle(),
        [](SSL*, const unsigned char** out, unsigned char* length, const unsigned char* offered,
           unsigned offered_length, void*) {
            static constexpr unsigned char served[] = "\x08http/1.1\x08http/1.0";
            unsigned char* chosen = nullptr;
            int result = SSL_select_next_proto(&chosen, length, served, sizeof served - 1, offered, offered_length);
            *out = chosen;
            // RFC 7301 §3.2: no_application_protocol.
            return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
        },
        nullptr);
    return context;
}

}  // namespace millrace::runtime
