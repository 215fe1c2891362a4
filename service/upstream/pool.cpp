#include "service/upstream/pool.hpp"

#include <algorithm>

namespace millrace::upstream {

// A request that is sent in the last second may meet the end of the connection.
void UpstreamConnection::set_server_timeout(std::optional<std::chrono::seconds> timeout) {
    idle_limit = timeout ? std::clamp(*timeout - std::chrono::seconds(1), std::chrono::seconds(0), usual_idle_limit)
                         : usual_idle_limit;
}

std::unique_ptr<UpstreamConnection> UpstreamPool::take() {
    if (idle_.empty()) return nullptr;
    std::unique_ptr<UpstreamConnection> youngest = std::move(idle_.back());
    idle_.pop_back();
    return youngest;
}

void UpstreamPool::give_back(std::unique_ptr<UpstreamConnection> connection, std::chrono::steady_clock::time_point now,
                             std::size_t in_use) {
    if (idle_.size() >= std::max(max_idle, in_use) || connection->idle_limit.count() == 0) return;
    connection->idle_since = now;
    idle_.push_back(std::move(connection));
}

void UpstreamPool::drop_older(std::chrono::steady_clock::time_point now) {
    std::erase_if(idle_,
                  [&](const auto& connection) { return now - connection->idle_since >= connection->idle_limit; });
}

}  // namespace millrace::upstream
