// What a node forwarded or failed to forward (lightningd's `forwards` table).
#pragma once

#include <map>
#include <optional>
#include <string_view>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"
#include "contrib/simulator/engine/scheduler.hpp"

namespace millrace::sim {

enum class ForwardStatus { offered, settled, local_failed, failed };
[[nodiscard]] std::string_view name(ForwardStatus status);

struct ForwardRow {
    std::uint64_t created_index = 0;
    std::uint64_t updated_index = 0;
    PaymentHash payment_hash;
    ShortChannelId in_channel;
    std::uint64_t in_htlc_id = 0;
    Msat in_amount;
    std::optional<ShortChannelId> out_channel;
    std::optional<std::uint64_t> out_htlc_id;
    std::optional<Msat> out_amount;
    ForwardStatus status = ForwardStatus::offered;
    std::optional<std::uint16_t> failcode;
    Time received;
    std::optional<Time> resolved;
};

class ForwardTable {
  public:
    ForwardRow& add(ForwardRow row);
    // The row of an incoming HTLC; null where there is none.
    [[nodiscard]] ForwardRow* find(ShortChannelId in_channel, std::uint64_t in_htlc_id);
    // Sets how it ended, and gives the row its next updated_index.
    void resolve(ForwardRow& row, ForwardStatus status, Time now);
    [[nodiscard]] const std::map<std::uint64_t, ForwardRow>& rows() const { return rows_; }

    [[nodiscard]] std::uint64_t created() const { return created_; }
    [[nodiscard]] std::uint64_t updated() const { return updated_; }
    // Of all that settled.
    [[nodiscard]] Msat fees_collected() const { return Msat(fees_msat_); }
    // created_index by updated_index, of the rows that were updated.
    [[nodiscard]] const std::map<std::uint64_t, std::uint64_t>& by_update() const { return by_update_; }

  private:
    std::map<std::uint64_t, ForwardRow> rows_;
    std::map<std::pair<ShortChannelId, std::uint64_t>, std::uint64_t> by_incoming_;
    std::map<std::uint64_t, std::uint64_t> by_update_;
    std::uint64_t created_ = 0;
    std::uint64_t updated_ = 0;
    std::uint64_t fees_msat_ = 0;
};

}  // namespace millrace::sim
