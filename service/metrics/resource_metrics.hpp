// The counters of one paid resource, on the path of every request: a shard a thread, each written by its own thread
// only (so that counting is a load and a store, no lock and no contended cache line) and summed when /metrics is read.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/money/msat.hpp"
#include "service/paywall/counted.hpp"

namespace millrace::metrics {

// How a request ended (label `outcome`).
enum class Outcome { challenge, served, rejected, upstream_error };
inline constexpr std::array outcome_names = {"challenge", "served", "rejected", "upstream_error"};

// What became of a challenge (label `result`).
enum class ChallengeResult { issued, reused, limited, rate_limited, invoice_error, dry_run, work };
inline constexpr std::array challenge_names = {"issued",        "reused",  "limited", "rate_limited",
                                               "invoice_error", "dry_run", "work"};

using paywall::AuthResult;
inline constexpr std::array auth_names = {"ok",      "malformed",   "bad_signature", "bad_preimage",
                                          "expired", "wrong_scope", "revoked",       "underpaid",
                                          "spent",   "exhausted",   "worked"};

using paywall::FreeResult;
inline constexpr std::array free_names = {"served", "failed", "used_up", "full"};

// The status codes that have a series of their own; every other one counts as "other".
inline constexpr std::array<unsigned, 27> codes = {101, 200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401,
                                                   402, 403, 404, 405, 408, 411, 413, 429, 500, 501, 502, 503, 504};
inline constexpr std::size_t code_slots = codes.size() + 1;
[[nodiscard]] std::size_t code_slot(unsigned code);

// Upper bounds in seconds.
inline constexpr std::array<double, 13> duration_bounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                           0.1,    0.25,  0.5,    1,     5,    30};
inline constexpr std::array<double, 11> verify_bounds = {5e-6, 1.075e-5, 2.3e-5, 5e-5, 1.07e-4, 2.3e-4,
                                                         5e-4, 1.06e-3,  2.3e-3, 5e-3, 1e-2};

// Written by one thread, read by any.
class Count {
  public:
    void add(std::uint64_t n = 1) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

template <std::size_t N>
class Distribution {
  public:
    void observe(double value, const std::array<double, N>& bounds) {
        std::size_t slot = 0;
        while (slot < N && value > bounds[slot]) ++slot;
        counts_[slot].add();
        sum_.store(sum_.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t count(std::size_t slot) const { return counts_[slot].get(); }
    [[nodiscard]] double sum() const { return sum_.load(std::memory_order_relaxed); }

  private:
    std::array<Count, N + 1> counts_;
    std::atomic<double> sum_{0};
};

struct alignas(64) ResourceShard {
    std::array<Count, code_slots> requests;
    std::array<Distribution<duration_bounds.size()>, outcome_names.size()> durations;
    std::array<Count, challenge_names.size()> challenges;
    std::array<Count, auth_names.size()> auth;
    std::array<Count, free_names.size()> free;

    void request(unsigned code, Outcome outcome, double seconds) {
        requests[code_slot(code)].add();
        durations[static_cast<std::size_t>(outcome)].observe(seconds, duration_bounds);
    }
    void challenge(ChallengeResult result) { challenges[static_cast<std::size_t>(result)].add(); }
    void on_allowance(FreeResult result) { free[static_cast<std::size_t>(result)].add(); }
    void authenticated(AuthResult result) { auth[static_cast<std::size_t>(result)].add(); }
};

class ResourceMetrics {
  public:
    ResourceMetrics(std::string name, std::size_t threads) : name_(std::move(name)), shards_(threads) {}

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] ResourceShard& shard(std::size_t thread) { return shards_[thread]; }
    [[nodiscard]] std::span<const ResourceShard> shards() const { return shards_; }

    // The price on offer; empty once the resource is no longer configured.
    void set_price(Msat price) { price_.store(price.value(), std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t price_msat() const { return price_.load(std::memory_order_relaxed); }

  private:
    std::string name_;
    std::vector<ResourceShard> shards_;
    std::atomic<std::uint64_t> price_{0};
};

}  // namespace millrace::metrics
