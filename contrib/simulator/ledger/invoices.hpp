// A node's invoices, as lightningd's database holds them: what survives a crash.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/codec/bytes.hpp"
#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"

namespace millrace::sim {

enum class InvoiceStatus { unpaid, paid, expired };
[[nodiscard]] std::string_view name(InvoiceStatus status);

struct InvoiceRow {
    std::uint64_t created_index = 0;
    std::uint64_t updated_index = 0;  // 0: never
    std::string label;
    std::string bolt11;
    std::string description;
    PaymentHash payment_hash;
    Preimage preimage;
    std::optional<Msat> amount;  // empty: any
    InvoiceStatus status = InvoiceStatus::unpaid;
    std::chrono::sys_seconds expires_at;
    bool secret_required = true;  // the invoice has a compulsory payment_secret or var_onion feature
    std::uint64_t pay_index = 0;  // paid ones, from 1
    Msat received;
    std::chrono::sys_seconds paid_at;
};

class InvoiceTable {
  public:
    enum class Created { yes, duplicate_label, duplicate_hash };

    // Fills in created_index. Both columns are unique, the label is checked first.
    Created create(InvoiceRow row);
    [[nodiscard]] const InvoiceRow* by_label(std::string_view label) const;
    [[nodiscard]] const InvoiceRow* by_hash(const PaymentHash& hash) const;
    // In the order of created_index.
    [[nodiscard]] const std::map<std::uint64_t, InvoiceRow>& rows() const { return rows_; }
    // The paid one with the least pay_index above `after`, if any.
    [[nodiscard]] const InvoiceRow* paid_after(std::uint64_t after) const;

    // Gives it its pay_index. The row must be unpaid.
    const InvoiceRow& pay(std::uint64_t created_index, Msat received, std::chrono::sys_seconds now);
    // Marks every unpaid row that is past its expiry; answers them.
    std::vector<std::uint64_t> expire(std::chrono::sys_seconds now);
    void remove(std::uint64_t created_index);
    void clear_description(std::uint64_t created_index);

    // The highest index given out so far, as `wait` counts.
    [[nodiscard]] std::uint64_t created() const { return created_; }
    [[nodiscard]] std::uint64_t updated() const { return updated_; }
    [[nodiscard]] std::uint64_t deleted() const { return deleted_; }
    // Rows written, changed or deleted since the start.
    [[nodiscard]] std::uint64_t writes() const { return writes_; }

  private:
    std::map<std::uint64_t, InvoiceRow> rows_;
    std::unordered_map<std::string, std::uint64_t> label_index_;
    std::unordered_map<PaymentHash, std::uint64_t> hash_index_;
    std::map<std::uint64_t, std::uint64_t> pay_index_;
    std::multimap<std::chrono::sys_seconds, std::uint64_t> expiry_index_;
    std::uint64_t created_ = 0;
    std::uint64_t updated_ = 0;
    std::uint64_t deleted_ = 0;
    std::uint64_t next_pay_index_ = 1;
    std::uint64_t writes_ = 0;
};

}  // namespace millrace::sim
