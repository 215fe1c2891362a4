// Looks once a second whether the files of a certificate and its key have changed, and loads them anew when they have:
// certbot and its like need no hook.
//
//   CertificateWatch watch(control.get_executor());
//   watch.watch(&listener, files, stamp, "https://...", [&](auto context) { listener.set_tls(context); });
//
// What does not load, or does not fit together, is told once in the log; the old pair stays in use.
#pragma once

#include <sys/types.h>

#include <boost/asio/ssl/context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "service/config/config.hpp"
#include "service/http/asio.hpp"

namespace millrace::runtime {

// What changes with a file: by being written to, or by another one being put in its place.
struct FileStamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = -1;  // -1: there is none
    std::int64_t modified_ns = 0;
    bool operator==(const FileStamp&) const = default;
};

struct PairStamp {
    FileStamp certificate;
    FileStamp key;
    bool operator==(const PairStamp&) const = default;
};

[[nodiscard]] PairStamp stamp_of(const config::TlsFiles& files);

// When to load again: once, after the files have changed and then stood still from one look to the next, so that a pair
// is not read while it is half replaced.
class ReloadDecision {
  public:
    explicit ReloadDecision(PairStamp loaded) : tried_(loaded), seen_(loaded) {}

    [[nodiscard]] bool due(const PairStamp& now) {
        bool still = now == seen_;
        seen_ = now;
        if (!still || now == tried_) return false;
        tried_ = now;
        return true;
    }

  private:
    PairStamp tried_;
    PairStamp seen_;
};

class CertificateWatch {
  public:
    using Renewed = std::function<void(std::shared_ptr<boost::asio::ssl::context>)>;
    static constexpr std::chrono::milliseconds period{1000};

    explicit CertificateWatch(http::Executor executor) : timer_(executor) {}

    // Instead of what was watched for `whom` before. `loaded` is the stamp from before the files were read; `where` is
    // for the log.
    void watch(const void* whom, const config::TlsFiles& files, const PairStamp& loaded, std::string where,
               Renewed renewed);
    void start();
    void stop() { timer_.cancel(); }

  private:
    struct Watched {
        config::TlsFiles files;
        ReloadDecision decision;
        std::string where;
        Renewed renewed;
    };
    void look();

    http::Timer timer_;
    std::map<const void*, Watched> watched_;
};

}  // namespace millrace::runtime
