// The active health checks of upstreams: asks each address of each service that has `health` again and again, and tells
// its AddressHealth. On the control thread.
//
//   HealthChecker checker(control.get_executor());
//   checker.watch(site->upstreams);                  again at each reload
#pragma once

#include <memory>
#include <vector>

#include "service/http/asio.hpp"
#include "service/http/watchdog.hpp"
#include "service/upstream/group.hpp"

namespace millrace::upstream {

class HealthChecker {
  public:
    explicit HealthChecker(http::Executor executor);
    ~HealthChecker();
    HealthChecker(const HealthChecker&) = delete;
    HealthChecker& operator=(const HealthChecker&) = delete;

    // These from now on, the first time at once; what was watched before no more.
    void watch(const Groups& groups);
    void stop();

    struct Probe;

  private:
    http::Executor executor_;
    std::shared_ptr<http::Watchdog> dog_;  // shared with checks under way
    std::vector<std::shared_ptr<Probe>> probes_;
    bool ticking_ = false;
};

}  // namespace millrace::upstream
