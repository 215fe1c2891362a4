// The invoices issued by this process that are neither paid nor expired: for figures only, so it forgets the oldest
// beyond a bound, and all of them with the process. Neither invoices nor tokens are kept, but what they are for.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"

namespace millrace::gateway {

class OpenInvoices {
  public:
    using Time = std::chrono::system_clock::time_point;
    static constexpr std::size_t max_size = 100'000;

    struct Invoice {
        std::string service;  // or realm, in whose name it is
        Msat amount;
        Time issued_at;
        Time expires_at;
    };
    struct Sum {
        std::size_t count = 0;
        std::uint64_t amount_msat = 0;
    };

    void add(const PaymentHash& hash, Invoice invoice) {
        if (order_.size() >= max_size) {
            open_.erase(order_.front().hash);
            order_.pop_front();
        }
        order_.push_back({hash, invoice.expires_at});
        open_.emplace(hash, std::move(invoice));
    }

    // When the invoice was issued; empty where it is not one of ours, or forgotten.
    std::optional<Time> paid(const PaymentHash& hash) {
        auto entry = open_.find(hash);
        if (entry == open_.end()) return std::nullopt;
        Time issued_at = entry->second.issued_at;
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

    [[nodiscard]] std::map<std::string, Sum> by_service(Time now) const {
        std::map<std::string, Sum> out;
        for (const auto& [hash, invoice] : open_) {
            if (invoice.expires_at <= now) continue;
            Sum& sum = out[invoice.service];
            ++sum.count;
            sum.amount_msat += invoice.amount.value();
        }
        return out;
    }

    // The newest first, at most so many; of one service, where it is given.
    [[nodiscard]] std::vector<std::pair<PaymentHash, Invoice>> newest(std::size_t limit, Time now,
                                                                      const std::optional<std::string>& service) const {
        std::vector<std::pair<PaymentHash, Invoice>> out;
        for (auto entry = order_.rbegin(); entry != order_.rend() && out.size() < limit; ++entry) {
            auto known = open_.find(entry->hash);
            if (known == open_.end() || known->second.expires_at <= now) continue;
            if (!service || known->second.service == *service) out.emplace_back(known->first, known->second);
        }
        return out;
    }

  private:
    struct Entry {
        PaymentHash hash;
        Time expires_at;
    };
    std::unordered_map<PaymentHash, Invoice> open_;
    std::deque<Entry> order_;
};

}  // namespace millrace::gateway
