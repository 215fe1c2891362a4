// What was answered before it was on disk, and could not be written yet: uses that ran ahead, what is given back, charges
// whose use came to nothing. It is written with the next commit that works. The store's writer thread's own.
//
//   owed.add(...)                        it could not be written
//   owed.releases(), owed.add_to(usage)  into the transaction under way
//   for (auto& use : owed.take_uses())   it is committed, nothing is owed any more: tells whoever wants to know
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "service/store/usage_table.hpp"
#include "service/store/writes.hpp"

namespace millrace::store {

class Owed {
  public:
    void add(AnsweredWrite use) { uses_.push_back(std::move(use)); }
    void add(const UsageWrite& given_back);
    void add_release(const PaymentHash& charge) { releases_.push_back(charge); }

    [[nodiscard]] bool none() const { return uses_.empty() && returns_.empty() && releases_.empty(); }
    [[nodiscard]] const std::vector<PaymentHash>& releases() const { return releases_; }
    void add_to(UsageTable& usage) const;
    [[nodiscard]] std::vector<AnsweredWrite> take_uses();

    // What is lost if it is never written.
    [[nodiscard]] std::string text() const;

  private:
    struct Return {
        std::string service;
        paywall::Usage usage;
    };
    std::vector<AnsweredWrite> uses_;
    std::unordered_map<PaymentHash, Return> returns_;
    std::vector<PaymentHash> releases_;
};

}  // namespace millrace::store
