// The invoices issued by this process that are neither paid nor expired: for figures only, so it forgets the oldest
// beyond a bound, and all of them with the process.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <unordered_map>

#include "common/ids/ids.hpp"

namespace millrace::gateway {

class OpenInvoices {
  public:
    using Time = std::chrono::system_clock::time_point;
    static constexpr std::size_t max_size = 100'000;

    void add(const PaymentHash& hash, Time issued_at, Time expires_at) {
        if (order_.size() >= max_size) {
            open_.erase(order_.front().hash);
            order_.pop_front();
        }
        open_.emplace(hash, issued_at);
        order_.push_back({hash, expires_at});
    }

    // When the invoice was issued; empty where it is not one of ours, or forgotten.
    std::optional<Time> paid(const PaymentHash& hash) {
        auto entry = open_.find(hash);
        if (entry == open_.end()) return std::nullopt;
        Time issued_at = entry->second;
        open_.erase(entry);
        return issued_at;
    }

    // Drops what has expired; answers how many were not paid. Invoices of different lifetimes may linger a little.
    std::size_t expire(Time now) {
        std::size_t unpaid = 0;
        while (!order_.empty() && order_.front().expires_at <= now) {
            unpaid += open_.erase(order_.front().hash);
            order_.pop_front();
        }
        return unpaid;
    }

    [[nodiscard]] std::size_t size() const { return open_.size(); }

  private:
    struct Entry {
        PaymentHash hash;
        Time expires_at;
    };
    std::unordered_map<PaymentHash, Time> open_;
    std::deque<Entry> order_;
};

}  // namespace millrace::gateway
