// Idle connections of one thread to one upstream server, the youngest first.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "service/config/config.hpp"
#include "service/http/stream.hpp"
#include "service/metrics/metrics.hpp"

namespace millrace::http {

// A connection to an upstream; counted while it lives.
class UpstreamConnection {
  public:
    UpstreamConnection(Socket socket, metrics::ThreadShard& counts) : stream(std::move(socket)), counts_(counts) {
        counts_.upstream_opened.add();
    }
    ~UpstreamConnection() { counts_.upstream_closed.add(); }
    UpstreamConnection(const UpstreamConnection&) = delete;
    UpstreamConnection& operator=(const UpstreamConnection&) = delete;

    Stream stream;
    std::chrono::steady_clock::time_point idle_since;

  private:
    metrics::ThreadShard& counts_;
};

class UpstreamPool {
  public:
    // Enough for the connections a thread has in flight at one time; servers dislike to be held by more.
    static constexpr std::size_t max_idle = 256;
    static constexpr std::chrono::seconds max_idle_time{55};  // below the 60 s after which many servers close

    explicit UpstreamPool(config::Upstream upstream)
        : upstream_(std::move(upstream)), authority_(upstream_.authority()) {}

    [[nodiscard]] const config::Upstream& upstream() const { return upstream_; }
    [[nodiscard]] std::string_view authority() const { return authority_; }

    // Null where none is idle.
    std::unique_ptr<UpstreamConnection> take();
    void give_back(std::unique_ptr<UpstreamConnection> connection, std::chrono::steady_clock::time_point now);
    void drop_older(std::chrono::steady_clock::time_point now);
    [[nodiscard]] std::size_t size() const { return idle_.size(); }

  private:
    config::Upstream upstream_;
    std::string authority_;
    std::vector<std::unique_ptr<UpstreamConnection>> idle_;  // oldest first
};

}  // namespace millrace::http
