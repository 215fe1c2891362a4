#include "service/upstream/pool.hpp"

#include <algorithm>

namespace millrace::upstream {

std::unique_ptr<UpstreamConnection> UpstreamPool::take() {
    if (idle_.empty()) return nullptr;
    std::unique_ptr<UpstreamConnection> youngest = std::move(idle_.back());
    idle_.pop_back();
    return youngest;
}

void UpstreamPool::give_back(std::unique_ptr<UpstreamConnection> connection,
                             std::chrono::steady_clock::time_point now) {
    if (idle_.size() >= max_idle) return;
    connection->idle_since = now;
    idle_.push_back(std::move(connection));
}

void UpstreamPool::drop_older(std::chrono::steady_clock::time_point now) {
    auto young = std::find_if(idle_.begin(), idle_.end(),
                              [&](const auto& connection) { return now - connection->idle_since < max_idle_time; });
    idle_.erase(idle_.begin(), young);
}

}  // namespace millrace::upstream
