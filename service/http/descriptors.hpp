// The process's file descriptors: who may have how many of them, and what to do when there is none.
//
//   limit = own + clients * 2
//
// `own` is for what must go on whatever clients do: the store, the gateway, listeners, the admin API, metrics, health
// checks, questions to pricers. Each client's connection has a second descriptor, for its upstream. A connection beyond
// `clients` is answered 503 and closed.
//
//   Descriptors descriptors;
//   descriptors.share_out(plan_descriptors(limit_of_process(), own));
//   if (is_shortage(error)) descriptors.note_shortage();
//
// note_shortage(), clients() and short_of_them() may be called from any thread, the rest on the control thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string_view>

#include "service/http/asio.hpp"

namespace millrace::http {

struct DescriptorPlan {
    std::size_t limit = 0;
    std::size_t own = 0;
    std::size_t clients = 0;
};

// `own` is what is wanted; of a limit that is too low for it, the service keeps half for itself.
[[nodiscard]] DescriptorPlan plan_descriptors(std::size_t limit, std::size_t own);

[[nodiscard]] std::size_t limit_of_process();
[[nodiscard]] std::size_t open_in_process();

// Errors that say that the process or the system has no more to give for now, and nothing about the peer.
[[nodiscard]] bool is_shortage(const ErrorCode& error);

class Descriptors {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds memory{5};  // a shortage is told for so long

    Descriptors();
    ~Descriptors();
    Descriptors(const Descriptors&) = delete;
    Descriptors& operator=(const Descriptors&) = delete;

    void share_out(const DescriptorPlan& plan) { clients_.store(plan.clients, std::memory_order_relaxed); }
    // Connections of clients there may be at a time.
    [[nodiscard]] std::size_t clients() const { return clients_.load(std::memory_order_relaxed); }

    void note_shortage(Clock::time_point now = Clock::now());
    // There was none a moment ago, or there is none now.
    [[nodiscard]] bool short_of_them(Clock::time_point now = Clock::now()) const;

    // Where accepting fails for want of a descriptor: takes connections with one that is kept for this, answers each
    // with `text` (nothing where that is empty), and closes it.
    void turn_away(int listener, std::string_view text);

  private:
    std::atomic<std::size_t> clients_{static_cast<std::size_t>(-1)};
    std::atomic<Clock::rep> shortage_at_{Clock::time_point::min().time_since_epoch().count()};
    int spare_ = -1;
};

// Sends `text` to a connection that nobody serves, as far as that goes without waiting.
void send_away(int connection, std::string_view text);

}  // namespace millrace::http
