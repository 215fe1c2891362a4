#include "contrib/simulator/ledger/forwards.hpp"

#include <utility>

namespace millrace::sim {

std::string_view name(ForwardStatus status) {
    switch (status) {
        case ForwardStatus::offered:
            return "offered";
        case ForwardStatus::settled:
            return "settled";
        case ForwardStatus::local_failed:
            return "local_failed";
        case ForwardStatus::failed:
            return "failed";
    }
    return "";
}

ForwardRow& ForwardTable::add(ForwardRow row) {
    row.created_index = ++created_;
    by_incoming_[{row.in_channel, row.in_htlc_id}] = row.created_index;
    return rows_.emplace(row.created_index, std::move(row)).first->second;
}

ForwardRow* ForwardTable::find(ShortChannelId in_channel, std::uint64_t in_htlc_id) {
    const auto found = by_incoming_.find({in_channel, in_htlc_id});
    return found == by_incoming_.end() ? nullptr : &rows_.at(found->second);
}

void ForwardTable::resolve(ForwardRow& row, ForwardStatus status, Time now) {
    row.status = status;
    row.resolved = now;
    by_update_.erase(row.updated_index);
    row.updated_index = ++updated_;
    by_update_.emplace(row.updated_index, row.created_index);
    if (status == ForwardStatus::settled && row.out_amount)
        fees_msat_ += row.in_amount.value() - row.out_amount->value();
}

}  // namespace millrace::sim
