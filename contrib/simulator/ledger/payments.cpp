#include "contrib/simulator/ledger/payments.hpp"

#include <utility>

namespace millrace::sim {

std::string_view name(PaymentStatus status) {
    switch (status) {
        case PaymentStatus::pending:
            return "pending";
        case PaymentStatus::complete:
            return "complete";
        case PaymentStatus::failed:
            return "failed";
    }
    return "";
}

PaymentRow& PaymentTable::add(PaymentRow row) {
    row.id = ++created_;
    by_hash_[row.payment_hash].push_back(row.id);
    return rows_.emplace(row.id, std::move(row)).first->second;
}

PaymentRow* PaymentTable::find(std::uint64_t id) {
    const auto found = rows_.find(id);
    return found == rows_.end() ? nullptr : &found->second;
}

const PaymentRow* PaymentTable::find(const PaymentHash& hash, std::uint64_t part, std::uint64_t group) const {
    const std::vector<const PaymentRow*> rows = of(hash);
    for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
        if ((*row)->part == part && (group == 0 || (*row)->group == group)) return *row;
    }
    return nullptr;
}

std::vector<const PaymentRow*> PaymentTable::of(const PaymentHash& hash) const {
    std::vector<const PaymentRow*> out;
    const auto found = by_hash_.find(hash);
    if (found == by_hash_.end()) return out;
    for (const std::uint64_t id : found->second) out.push_back(&rows_.at(id));
    return out;
}

void PaymentTable::touch(PaymentRow& row) {
    by_update_.erase(row.updated_index);
    row.updated_index = ++updated_;
    by_update_.emplace(row.updated_index, row.id);
}

void PaymentTable::remove(std::uint64_t id) {
    const auto found = rows_.find(id);
    if (found == rows_.end()) return;
    std::erase(by_hash_[found->second.payment_hash], id);
    by_update_.erase(found->second.updated_index);
    rows_.erase(found);
    ++deleted_;
}

}  // namespace millrace::sim
