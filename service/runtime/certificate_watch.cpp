#include "service/runtime/certificate_watch.hpp"

#include <sys/stat.h>

#include "service/log/log.hpp"
#include "service/runtime/server_tls.hpp"

namespace millrace::runtime {
namespace {

FileStamp stamp_of(const std::filesystem::path& file) {
    struct stat found {};
    if (::stat(file.c_str(), &found) != 0) return {};
    constexpr std::int64_t second = 1'000'000'000;
    return {found.st_dev, found.st_ino, found.st_size, found.st_mtim.tv_sec * second + found.st_mtim.tv_nsec};
}

}  // namespace

PairStamp stamp_of(const config::TlsFiles& files) {
    return {stamp_of(files.certificate), stamp_of(files.key)};
}

void CertificateWatch::watch(const void* whom, const config::TlsFiles& files, const PairStamp& loaded,
                             std::string where, Renewed renewed) {
    Watched entry{files, ReloadDecision(loaded), std::move(where), std::move(renewed)};
    watched_.insert_or_assign(whom, std::move(entry));
}

void CertificateWatch::start() {
    timer_.expires_after(period);
    timer_.async_wait([this](boost::system::error_code cancelled) {
        if (cancelled) return;
        look();
        start();
    });
}

void CertificateWatch::look() {
    for (auto& [whom, one] : watched_) {
        if (!one.decision.due(stamp_of(one.files))) continue;
        auto context = server_tls(one.files);
        if (context) {
            log::info("{}: certificate {} loaded anew", one.where, one.files.certificate.string());
            one.renewed(std::move(*context));
        } else {
            log::error("{}: the certificate could not be reloaded, the old one stays: {}", one.where,
                       context.error().message);
        }
    }
}

}  // namespace millrace::runtime
