// The listeners of the configuration, their certificates, and the watch over the files of these. On the control thread.
//
//   Listeners listeners(executor, workers);
//   listeners.open(config, passed);  listeners.start();
//   auto tls = load_tls(changed);  if (tls) listeners.use(*tls);        a reload
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "service/front/listener.hpp"
#include "service/listen/listening_socket.hpp"
#include "service/runtime/certificate_watch.hpp"

namespace millrace::runtime {

// A certificate and its key, loaded for the listener of this place.
struct LoadedTls {
    std::string place;
    config::TlsFiles files;
    PairStamp stamp;  // from before they were read
    std::shared_ptr<boost::asio::ssl::context> context;
};

// Errors: config bad_value, with what is wrong with which file.
[[nodiscard]] Result<std::vector<LoadedTls>> load_tls(const config::Config& config);

class Listeners {
  public:
    Listeners(http::Executor executor, std::vector<std::unique_ptr<front::Worker>>& workers,
              http::Descriptors& descriptors)
        : executor_(executor), workers_(workers), descriptors_(descriptors), certificates_(executor) {}

    // `passed`: the sockets that systemd opened. Errors: cannot_listen, bad_value.
    [[nodiscard]] Result<void> open(const config::Config& config, std::vector<listen::ActivatedSocket> passed);
    void start();
    void stop();

    // For connections from now on, on the listeners that have TLS: it cannot come or go while they are open.
    void use(const std::vector<LoadedTls>& loaded);

  private:
    http::Executor executor_;
    std::vector<std::unique_ptr<front::Worker>>& workers_;
    http::Descriptors& descriptors_;
    std::vector<std::unique_ptr<front::Listener>> listeners_;
    CertificateWatch certificates_;
};

}  // namespace millrace::runtime
