#include "contrib/simulator/ledger/invoices.hpp"

#include <utility>

namespace millrace::sim {

std::string_view name(InvoiceStatus status) {
    switch (status) {
        case InvoiceStatus::unpaid:
            return "unpaid";
        case InvoiceStatus::paid:
            return "paid";
        case InvoiceStatus::expired:
            return "expired";
    }
    return "";
}

InvoiceTable::Created InvoiceTable::create(InvoiceRow row) {
    if (label_index_.contains(row.label)) return Created::duplicate_label;
    if (hash_index_.contains(row.payment_hash)) return Created::duplicate_hash;
    row.created_index = ++created_;
    label_index_.emplace(row.label, row.created_index);
    hash_index_.emplace(row.payment_hash, row.created_index);
    expiry_index_.emplace(row.expires_at, row.created_index);
    rows_.emplace(row.created_index, std::move(row));
    ++writes_;
    return Created::yes;
}

const InvoiceRow* InvoiceTable::by_label(std::string_view label) const {
    const auto found = label_index_.find(std::string(label));
    return found == label_index_.end() ? nullptr : &rows_.at(found->second);
}

const InvoiceRow* InvoiceTable::by_hash(const PaymentHash& hash) const {
    const auto found = hash_index_.find(hash);
    return found == hash_index_.end() ? nullptr : &rows_.at(found->second);
}

const InvoiceRow* InvoiceTable::paid_after(std::uint64_t after) const {
    const auto found = pay_index_.upper_bound(after);
    return found == pay_index_.end() ? nullptr : &rows_.at(found->second);
}

const InvoiceRow& InvoiceTable::pay(std::uint64_t created_index, Msat received, std::chrono::sys_seconds now) {
    InvoiceRow& row = rows_.at(created_index);
    row.status = InvoiceStatus::paid;
    row.pay_index = next_pay_index_++;
    row.received = received;
    row.paid_at = now;
    row.updated_index = ++updated_;
    pay_index_.emplace(row.pay_index, created_index);
    ++writes_;
    return row;
}

std::vector<std::uint64_t> InvoiceTable::expire(std::chrono::sys_seconds now) {
    std::vector<std::uint64_t> out;
    while (!expiry_index_.empty() && expiry_index_.begin()->first <= now) {
        const std::uint64_t index = expiry_index_.begin()->second;
        expiry_index_.erase(expiry_index_.begin());
        const auto found = rows_.find(index);
        if (found == rows_.end() || found->second.status != InvoiceStatus::unpaid) continue;
        found->second.status = InvoiceStatus::expired;
        found->second.updated_index = ++updated_;
        ++writes_;
        out.push_back(index);
    }
    return out;
}

void InvoiceTable::remove(std::uint64_t created_index) {
    const auto found = rows_.find(created_index);
    if (found == rows_.end()) return;
    label_index_.erase(found->second.label);
    hash_index_.erase(found->second.payment_hash);
    if (found->second.pay_index != 0) pay_index_.erase(found->second.pay_index);
    rows_.erase(found);
    ++deleted_;
    ++writes_;
}

void InvoiceTable::clear_description(std::uint64_t created_index) {
    rows_.at(created_index).description.clear();
    ++writes_;
}

}  // namespace millrace::sim
