// Idle connections of one thread to one address of an upstream, the youngest first.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "service/http/stream.hpp"
#include "service/metrics/metrics.hpp"
#include "service/upstream/group.hpp"

namespace millrace::upstream {

// A connection to an upstream; counted while it lives.
class UpstreamConnection {
  public:
    UpstreamConnection(http::Executor executor, metrics::ThreadShard& counts) : stream(executor), counts_(counts) {
        counts_.upstream_opened.add();
    }
    ~UpstreamConnection() { counts_.upstream_closed.add(); }
    UpstreamConnection(const UpstreamConnection&) = delete;
    UpstreamConnection& operator=(const UpstreamConnection&) = delete;

    http::Stream stream;
    std::chrono::steady_clock::time_point idle_since;
    std::chrono::seconds idle_limit = usual_idle_limit;

    static constexpr std::chrono::seconds usual_idle_limit{55};  // below the 60 s after which many servers close
    // What the server's Keep-Alive says; empty: nothing.
    void set_server_timeout(std::optional<std::chrono::seconds> timeout);

  private:
    metrics::ThreadShard& counts_;
};

class UpstreamPool {
  public:
    // So many idle ones are kept at least, where they were in use at one time.
    static constexpr std::size_t max_idle = 256;

    explicit UpstreamPool(const Target& target)
        : address_(target.address), tls_(target.tls), server_name_(target.server_name) {}

    // A connection belongs to an address, and to the TLS settings with which it was made.
    [[nodiscard]] bool serves(const Target& target) const {
        return address_ == target.address && tls_ == target.tls && server_name_ == target.server_name;
    }

    // Null where none is idle.
    std::unique_ptr<UpstreamConnection> take();
    // `in_use`: how many connections can be needed at a time, such as one for each client: as many may be idle.
    void give_back(std::unique_ptr<UpstreamConnection> connection, std::chrono::steady_clock::time_point now,
                   std::size_t in_use = 0);
    void drop_older(std::chrono::steady_clock::time_point now);
    void clear() { idle_.clear(); }
    [[nodiscard]] std::size_t size() const { return idle_.size(); }

  private:
    config::UpstreamAddress address_;
    TlsContext tls_;
    std::string server_name_;
    std::vector<std::unique_ptr<UpstreamConnection>> idle_;  // oldest first
};

}  // namespace millrace::upstream
