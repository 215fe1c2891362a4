// Whether the store can be written, as the outcomes of its commits tell; and what of them belongs in the log: the first
// failure, another one a minute while it lasts, and its end.
//
//   WriteHealth health;
//   if (auto said = health.committed("database or disk is full", now)) log(said->level, said->text);
//
// good() may be asked from any thread; the rest is the writer's.
#pragma once

#include <spdlog/common.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace millrace::store {

class WriteHealth {
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::minutes between_reports{1};

    struct Report {
        spdlog::level::level_enum level;
        std::string text;
    };

    [[nodiscard]] bool good() const { return good_.load(std::memory_order_relaxed); }

    // `failure` is empty where the commit worked.
    std::optional<Report> committed(const std::string& failure, Time now) {
        if (failure.empty()) {
            if (good()) return std::nullopt;
            good_.store(true, std::memory_order_relaxed);
            return Report{spdlog::level::warn, "the store can be written again, after " +
                                                   std::to_string(std::exchange(failures_, 0)) + " failures"};
        }
        ++failures_;
        if (!good() && now - reported_at_ < between_reports) return std::nullopt;
        good_.store(false, std::memory_order_relaxed);
        reported_at_ = now;
        return Report{spdlog::level::err,
                      failure + "; until it can be written, nothing is sold, and what must be recorded is 503"};
    }

  private:
    std::atomic<bool> good_{true};
    std::uint64_t failures_ = 0;
    Time reported_at_{};
};

}  // namespace millrace::store
