#include "contrib/simulator/ledger/payments.hpp"

#include <utility>

namespace millrace::sim {

std::string_view name(PaymentStatus status) {
    switch (status) {
        case PaymentStatus::pending: return "pending";
        case PaymentStatus::complete: return "complete";
        case PaymentStatus::failed: return "failed";
    }
    return "";
}

PaymentRow& PaymentTable::add(PaymentRow row) {
    row.id = ++created_;
    return rows_.emplace(row.id, std::move(row)).first->second;
}

PaymentRow* PaymentTable::find(std::uint64_t id) {
    const auto found = rows_.find(id);
    return found == rows_.end() ? nullptr : &found->second;
}

const PaymentRow* PaymentTable::find(const PaymentHash& hash, std::uint64_t part, std::uint64_t group) const {
    for (auto row = rows_.rbegin(); row != rows_.rend(); ++row) {
        const PaymentRow& payment = row->second;
        if (payment.payment_hash != hash || payment.part != part) continue;
        if (group == 0 || payment.group == group) return &payment;
    }
    return nullptr;
}

void PaymentTable::remove(std::uint64_t id) {
    if (rows_.erase(id) == 1) ++deleted_;
}

}  // namespace millrace::sim
