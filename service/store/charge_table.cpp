#include "service/store/charge_table.hpp"

#include <algorithm>

#include "service/store/columns.hpp"

// Column `replays`: how many uses stand beside the first one; -1 where none stands.
namespace millrace::store {
namespace {

crypto::Digest digest_of(const SQLite::Column& column) {
    crypto::Digest out{};
    const auto* bytes = static_cast<const std::uint8_t*>(column.getBlob());
    std::copy_n(bytes, std::min(static_cast<std::size_t>(column.getBytes()), out.size()), out.begin());
    return out;
}

}  // namespace

ChargeTable::ChargeTable(SQLite::Database& database)
    : select_token_use_(database, "SELECT 1 FROM first_uses WHERE payment_hash = ?"),
      select_(database,
              "SELECT challenge_id, request, replays, replay_until FROM consumed_charges WHERE payment_hash = ?"),
      insert_(database,
              "INSERT INTO consumed_charges (payment_hash, challenge_id, service, request, consumed_at, replay_until, "
              "expires_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET challenge_id = "
              "excluded.challenge_id, service = excluded.service, request = excluded.request, replays = 0, consumed_at "
              "= excluded.consumed_at, replay_until = max(replay_until, excluded.replay_until), expires_at = "
              "excluded.expires_at"),
      count_replay_(database, "UPDATE consumed_charges SET replays = replays + 1 WHERE payment_hash = ?"),
      release_(database,
               "UPDATE consumed_charges SET replays = replays - 1 WHERE payment_hash = ? AND replays >= 0 RETURNING "
               "replays") {}

paywall::ChargeAdmission ChargeTable::use(const paywall::ChargeUse& use) {
    const std::optional<paywall::ChargeRecord> earlier = find(use.payment_hash);
    if ((!earlier || earlier->released) && token_was_used(use.payment_hash))
        return paywall::ChargeAdmission::token_used;
    const paywall::ChargeAdmission admission = paywall::admit_charge(use, earlier);
    if (admission == paywall::ChargeAdmission::first) insert(use);
    if (admission == paywall::ChargeAdmission::replay) count_replay(use.payment_hash);
    return admission;
}

bool ChargeTable::token_was_used(const PaymentHash& hash) {
    select_token_use_.tryReset();
    bind_bytes(select_token_use_, 1, hash.view());
    const bool used = select_token_use_.executeStep();
    select_token_use_.tryReset();
    return used;
}

std::optional<paywall::ChargeRecord> ChargeTable::find(const PaymentHash& hash) {
    select_.tryReset();
    bind_bytes(select_, 1, hash.view());
    std::optional<paywall::ChargeRecord> out;
    if (select_.executeStep()) {
        out.emplace();
        out->challenge_id = select_.getColumn(0).getString();
        out->request = digest_of(select_.getColumn(1));
        const int replays = select_.getColumn(2).getInt();
        out->released = replays < 0;
        out->replays = static_cast<unsigned>(std::max(replays, 0));
        out->replay_until = std::chrono::sys_seconds(std::chrono::seconds(select_.getColumn(3).getInt64()));
    }
    select_.tryReset();
    return out;
}

void ChargeTable::insert(const paywall::ChargeUse& use) {
    insert_.tryReset();
    bind_bytes(insert_, 1, use.payment_hash.view());
    insert_.bind(2, use.challenge_id);
    insert_.bind(3, use.service);
    bind_bytes(insert_, 4, use.request);
    insert_.bind(5, unix_seconds(use.at));
    insert_.bind(6, unix_seconds(paywall::replay_until(use)));
    insert_.bind(7, unix_seconds(use.expires));
    insert_.exec();
}

void ChargeTable::count_replay(const PaymentHash& hash) {
    count_replay_.tryReset();
    bind_bytes(count_replay_, 1, hash.view());
    count_replay_.exec();
}

bool ChargeTable::release(const PaymentHash& hash) {
    release_.tryReset();
    bind_bytes(release_, 1, hash.view());
    // What RETURNING tells comes after all of the change was made.
    const bool none_stands = release_.executeStep() && release_.getColumn(0).getInt() < 0;
    release_.tryReset();
    return none_stands;
}

}  // namespace millrace::store
