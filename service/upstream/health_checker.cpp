#include "service/upstream/health_checker.hpp"

#include <algorithm>

#include "common/codec/field_name.hpp"
#include "common/codec/log_text.hpp"
#include "service/async/spawn.hpp"
#include "service/http/descriptors.hpp"
#include "service/log/log.hpp"
#include "service/upstream/connect.hpp"
#include "service/upstream/fetch.hpp"

namespace millrace::upstream {

struct HealthChecker::Probe {
    Probe(http::Executor executor, std::shared_ptr<http::Watchdog> watchdog, std::shared_ptr<const Group> of,
          const Target& one)
        : dog(std::move(watchdog)), watch(*dog), group(std::move(of)), target(one), pause(executor) {}

    std::shared_ptr<http::Watchdog> dog;
    http::Watch watch;
    std::shared_ptr<const Group> group;
    const Target& target;  // of the group
    http::Timer pause;
    bool stopped = false;
};

namespace {

using Clock = std::chrono::steady_clock;
using Probe = HealthChecker::Probe;

// What is wrong with the answer to the check; empty where it is well.
http::Awaitable<std::string> ask(Probe& probe, http::Stream& stream, Clock::time_point deadline) {
    const config::HealthCheck& check = *probe.group->config().health;
    // As requests are forwarded: with the fields that the service sets, among which Host and a key may be.
    const auto& set = probe.group->header_names();
    auto is_set = [&](std::string_view name) {
        return std::any_of(set.begin(), set.end(), [&](const auto& one) { return codec::same_variable(one, name); });
    };
    std::string request = "GET " + check.path + " HTTP/1.1\r\n";
    if (!is_set("Host")) request += "Host: " + probe.target.authority + "\r\n";
    if (!is_set("User-Agent")) request += "User-Agent: millraced/" MILLRACE_VERSION "\r\n";
    request += probe.group->header_lines() + "Connection: close\r\n\r\n";
    FetchLimits limits{deadline};
    limits.head_only = true;
    Fetched answer = co_await fetch(stream, request, probe.watch, limits);
    if (!answer.fault.empty()) co_return answer.fault;
    probe.target.health->answered(answer.in_1_0);
    unsigned status = answer.status;
    bool well = status / 100 == 2 || status / 100 == 3;
    co_return well ? std::string{} : "status " + std::to_string(status);
}

// What one check found out.
struct Verdict {
    std::string fault = {};  // empty: the upstream is well
    bool undecided = false;  // for want of a descriptor or memory of ours
};

http::Awaitable<Verdict> check_once(Probe& probe, http::Executor executor) {
    Clock::time_point deadline = Clock::now() + probe.group->config().health->timeout;
    Endpoints endpoints;
    http::ErrorCode failed = co_await resolve(executor, probe.target, probe.watch, time_left(deadline), endpoints);
    std::string fault = failed ? why_not(failed, probe.watch, nullptr) : std::string{};
    for (const http::Endpoint& endpoint : endpoints) {
        http::Stream stream(executor);
        failed = co_await establish(stream, endpoint, probe.target, probe.watch, time_left(deadline));
        if (!failed) {
            fault = co_await ask(probe, stream, deadline);
            break;
        }
        fault = why_not(failed, probe.watch, &stream);
        if (http::is_shortage(failed)) break;
    }
    Verdict verdict{std::move(fault), http::is_shortage(failed)};
    co_return verdict;
}

http::Awaitable<> run(std::shared_ptr<Probe> probe, http::Executor executor) {
    const std::string& service = probe->group->service();
    const Target& target = probe->target;
    while (!probe->stopped) {
        Verdict verdict{{}, true};
        try {
            verdict = co_await check_once(*probe, executor);
        } catch (...) {
            async::log_exception("a health check", std::current_exception());
        }
        if (probe->stopped) break;
        const std::string& fault = verdict.fault;
        if (fault.empty() && !verdict.undecided) target.health->connected();
        bool changed = !verdict.undecided && target.health->checked(fault.empty());
        if (changed && fault.empty())
            log::info("service {}: upstream {} is well again", service, target.url);
        else if (changed)
            log::warn("service {}: upstream {} fails its health check, not asked where there is another: {}", service,
                      target.url, codec::log_text(fault));
        probe->pause.expires_after(probe->group->config().health->interval);
        co_await probe->pause.async_wait(http::use_result);
    }
}

}  // namespace

HealthChecker::HealthChecker(http::Executor executor) : executor_(executor), dog_(std::make_shared<http::Watchdog>()) {}

HealthChecker::~HealthChecker() {
    stop();
}

void HealthChecker::watch(const Groups& groups) {
    stop();
    for (const auto& group : groups) {
        if (!group->config().health) continue;
        for (const Target& target : group->targets()) {
            probes_.push_back(std::make_shared<Probe>(executor_, dog_, group, target));
            async::spawn(executor_, run(probes_.back(), executor_), "a health check");
        }
    }
    if (probes_.empty() || ticking_) return;
    ticking_ = true;
    async::spawn(executor_, keep_looking(dog_, executor_), "the watchdog of the health checks");
}

void HealthChecker::stop() {
    for (const auto& probe : probes_) {
        probe->stopped = true;
        probe->pause.cancel();
        probe->watch.fire();
    }
    probes_.clear();
}

}  // namespace millrace::upstream
