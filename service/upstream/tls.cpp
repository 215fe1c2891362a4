#include "service/upstream/tls.hpp"

#include <openssl/ssl.h>

namespace millrace::upstream {

namespace ssl = boost::asio::ssl;

namespace {

Error fault(std::string_view key, const std::filesystem::path& file, const std::string& what) {
    return fail(config::Errc::bad_value, "upstream_tls." + std::string(key) + ": " + file.string() + ' ' + what);
}

}  // namespace

Result<std::shared_ptr<ssl::context>> client_tls(const config::UpstreamTls& settings) {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    boost::system::error_code error;
    if (settings.authorities.empty()) {
        context->set_default_verify_paths(error);  // without authorities every certificate is refused, and said so
    } else {
        context->load_verify_file(settings.authorities.string(), error);
        if (error)
            return fault("ca", settings.authorities,
                         "cannot be used (" + error.message() + "); it must be certificates in PEM");
    }
    if (!settings.certificate.empty()) {
        context->use_certificate_chain_file(settings.certificate.string(), error);
        if (error)
            return fault("cert", settings.certificate,
                         "cannot be used (" + error.message() + "); it must be a certificate chain in PEM");
        context->use_private_key_file(settings.key.string(), ssl::context::pem, error);
        if (error || SSL_CTX_check_private_key(context->native_handle()) != 1)
            return fault("key", settings.key, "cannot be used; it must be the key of upstream_tls.cert in PEM");
    }
    context->set_verify_mode(settings.verify ? ssl::verify_peer : ssl::verify_none, error);
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
    return context;
}

}  // namespace millrace::upstream
