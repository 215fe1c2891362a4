// A node's payment parts (lightningd's `payments` table): one row an HTLC that the node itself sent.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/ids/ids.hpp"
#include "common/money/msat.hpp"
#include "contrib/simulator/network/failure.hpp"

namespace millrace::sim {

enum class PaymentStatus { pending, complete, failed };
[[nodiscard]] std::string_view name(PaymentStatus status);

// Why a part failed, as its sender sees it.
struct PartFailure {
    int code = 204;  // 202 unparseable, 203 destination, 204 on the way
    Failure failure;
    std::string reason;  // "reply from remote", or what our own channel said
    std::optional<NodeId> erring_node;
    std::optional<ShortChannelId> erring_channel;
    int erring_direction = 0;
};

// A hop as the sender named it; the channel need not exist.
struct PaidHop {
    ShortChannelId scid;
    NodeId to;
    Msat amount;             // arriving at `to`
    std::uint32_t cltv = 0;  // arriving at `to`, relative
};

struct PaymentRow {
    std::uint64_t id = 0;  // created_index
    std::uint64_t updated_index = 0;
    PaymentHash payment_hash;
    std::uint64_t group = 0;
    std::uint64_t part = 0;  // 0: not given
    std::optional<NodeId> destination;
    std::optional<Msat> amount;  // to arrive, of this part
    Msat sent;
    Msat total;
    std::chrono::sys_seconds created_at;
    std::optional<std::chrono::sys_seconds> completed_at;
    PaymentStatus status = PaymentStatus::pending;
    std::optional<Preimage> preimage;
    std::optional<std::string> label;
    std::optional<std::string> bolt11;
    std::optional<std::string> description;
    std::vector<PaidHop> route;  // empty: paid to ourselves
    std::optional<PartFailure> failure;
};

class PaymentTable {
  public:
    // Fills in the id and answers the row.
    PaymentRow& add(PaymentRow row);
    [[nodiscard]] PaymentRow* find(std::uint64_t id);
    // The latest row of this part; group 0: of the latest group.
    [[nodiscard]] const PaymentRow* find(const PaymentHash& hash, std::uint64_t part, std::uint64_t group) const;
    [[nodiscard]] const std::map<std::uint64_t, PaymentRow>& rows() const { return rows_; }
    // Every row of this payment, oldest first.
    [[nodiscard]] std::vector<const PaymentRow*> of(const PaymentHash& hash) const;
    // Gives the row its next updated_index.
    void touch(PaymentRow& row);
    void remove(std::uint64_t id);

    [[nodiscard]] std::uint64_t created() const { return created_; }
    [[nodiscard]] std::uint64_t updated() const { return updated_; }
    [[nodiscard]] std::uint64_t deleted() const { return deleted_; }
    // Ids by updated_index, of the rows that were updated.
    [[nodiscard]] const std::map<std::uint64_t, std::uint64_t>& by_update() const { return by_update_; }

  private:
    std::map<std::uint64_t, PaymentRow> rows_;
    std::map<std::uint64_t, std::uint64_t> by_update_;
    std::unordered_map<PaymentHash, std::vector<std::uint64_t>> by_hash_;
    std::uint64_t created_ = 0;
    std::uint64_t updated_ = 0;
    std::uint64_t deleted_ = 0;
};

}  // namespace millrace::sim
