#include "service/store/session_table.hpp"

#include <algorithm>

#include "service/store/columns.hpp"

namespace millrace::store {
namespace {

constexpr const char* columns =
    "SELECT id, scope, service, deposit_msat, return_invoice, idle_seconds, opened_at, used_at, closed_at, closed_by, "
    "close_challenge, spent_msat, refund_msat, refund_state, refund_reason FROM sessions ";

constexpr paywall::RefundProgress all_progress[] = {paywall::RefundProgress::none, paywall::RefundProgress::pending,
                                                    paywall::RefundProgress::succeeded, paywall::RefundProgress::failed,
                                                    paywall::RefundProgress::skipped};

paywall::RefundProgress progress_of(std::string_view text) {
    for (paywall::RefundProgress one : all_progress) {
        if (name(one) == text) return one;
    }
    return paywall::RefundProgress::none;
}

Msat msat_at(const SQLite::Column& column) {
    return Msat(static_cast<std::uint64_t>(column.getInt64()));
}

void bind_msat(SQLite::Statement& query, int index, Msat amount) {
    query.bind(index, static_cast<std::int64_t>(amount.value()));
}

}  // namespace

SessionTable::SessionTable(SQLite::Database& database)
    : select_(database, std::string(columns) + "WHERE id = ?"),
      select_all_(database, columns),
      select_deposit_(database,
                      "SELECT session_id, challenge_id, credited_at FROM session_deposits WHERE payment_hash = ?"),
      select_deposits_(database,
                       "SELECT payment_hash FROM session_deposits WHERE session_id = ? ORDER BY credited_at, "
                       "payment_hash"),
      select_spent_(database, "SELECT spent_msat FROM token_usage WHERE payment_hash = ?"),
      insert_(database,
              "INSERT INTO sessions (id, scope, service, deposit_msat, return_invoice, idle_seconds, opened_at, "
              "used_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
      insert_deposit_(database,
                      "INSERT INTO session_deposits (payment_hash, session_id, amount_msat, challenge_id, credited_at) "
                      "VALUES (?, ?, ?, ?, ?)"),
      add_(database, "UPDATE sessions SET deposit_msat = deposit_msat + ?, used_at = max(used_at, ?) WHERE id = ?"),
      close_(database,
             "UPDATE sessions SET closed_at = ?, closed_by = ?, close_challenge = ?, spent_msat = ?, refund_msat = ?, "
             "refund_state = ? WHERE id = ?"),
      refund_(database,
              "UPDATE sessions SET refund_state = ?, refund_reason = ?, refund_fee_msat = ? WHERE id = ? AND "
              "refund_state IN ('pending', 'failed')"),
      touch_(database, "UPDATE sessions SET used_at = max(used_at, ?) WHERE id = ?") {}

paywall::SessionOutcome SessionTable::open(const paywall::SessionOpen& open) {
    const PaymentHash& id = open.deposit.hash;
    if (const auto known = find_deposit(id)) {
        if (known->session != id || known->challenge_id != open.deposit.challenge_id)
            return {paywall::SessionStep::deposit_used, std::nullopt, known->at};
        auto session = find(id);
        const bool closed = session && session->session.closed_at;
        return {closed ? paywall::SessionStep::closed : paywall::SessionStep::repeated, std::move(session->session),
                known->at};
    }
    if (!open.deposit.in_time) return {paywall::SessionStep::expired, std::nullopt, open.at};
    insert_.tryReset();
    bind_bytes(insert_, 1, id.view());
    insert_.bind(2, open.scope);
    insert_.bind(3, open.service);
    bind_msat(insert_, 4, open.deposit.amount);
    insert_.bind(5, open.return_invoice);
    insert_.bind(6, static_cast<std::int64_t>(open.idle.count()));
    insert_.bind(7, unix_seconds(open.at));
    insert_.bind(8, unix_seconds(open.at));
    insert_.exec();
    add_deposit(id, open.deposit, open.at);
    return {paywall::SessionStep::done, find(id)->session, open.at};
}

paywall::SessionOutcome SessionTable::top_up(const paywall::SessionTopUp& top_up) {
    auto session = find(top_up.session);
    if (const auto known = find_deposit(top_up.deposit.hash)) {
        const bool same = known->session == top_up.session && known->challenge_id == top_up.deposit.challenge_id &&
                          top_up.deposit.hash != top_up.session;
        if (!same || !session) return {paywall::SessionStep::deposit_used, std::nullopt, known->at};
        return {paywall::SessionStep::repeated, std::move(session->session), known->at};
    }
    if (!top_up.deposit.in_time) return {paywall::SessionStep::expired, std::nullopt, top_up.at};
    if (!session) return {paywall::SessionStep::not_found, std::nullopt, top_up.at};
    if (session->session.scope != top_up.scope) return {paywall::SessionStep::wrong_scope, std::nullopt, top_up.at};
    if (session->session.closed_at) return {paywall::SessionStep::closed, std::move(session->session), top_up.at};
    if (session->session.deposits.size() >= paywall::max_session_deposits)
        return {paywall::SessionStep::too_many_deposits, std::move(session->session), top_up.at};
    add_deposit(top_up.session, top_up.deposit, top_up.at);
    add_.tryReset();
    bind_msat(add_, 1, top_up.deposit.amount);
    add_.bind(2, unix_seconds(top_up.at));
    bind_bytes(add_, 3, top_up.session.view());
    add_.exec();
    return {paywall::SessionStep::done, find(top_up.session)->session, top_up.at};
}

paywall::SessionOutcome SessionTable::close(const paywall::SessionClose& close) {
    auto known = find(close.session);
    if (!known) return {paywall::SessionStep::not_found, std::nullopt, close.at};
    paywall::SessionRecord& session = known->session;
    if (session.closed_at) {
        const bool same = close.by == paywall::ClosedBy::client && known->close_challenge == close.challenge_id;
        const std::chrono::sys_seconds at = *session.closed_at;
        return {same ? paywall::SessionStep::repeated : paywall::SessionStep::closed, std::move(session), at};
    }
    // What is on disk was spent, whatever else may be believed.
    const Msat spent = std::min(std::max(close.spent, spent_of(close.session)), session.deposit);
    const Msat refund = session.deposit.minus(spent).value_or(Msat());
    const paywall::RefundProgress progress =
        refund < paywall::smallest_refund ? paywall::RefundProgress::skipped : paywall::RefundProgress::pending;
    close_.tryReset();
    close_.bind(1, unix_seconds(close.at));
    close_.bind(2, std::string(name(close.by)));
    close_.bind(3, close.challenge_id);
    bind_msat(close_, 4, spent);
    bind_msat(close_, 5, refund);
    close_.bind(6, std::string(name(progress)));
    bind_bytes(close_, 7, close.session.view());
    close_.exec();
    return {paywall::SessionStep::done, find(close.session)->session, close.at};
}

void SessionTable::record_refund(const PaymentHash& session, const paywall::RefundResult& result) {
    refund_.tryReset();
    refund_.bind(1, std::string(name(result.progress)));
    refund_.bind(2, result.reason);
    bind_msat(refund_, 3, result.fee);
    bind_bytes(refund_, 4, session.view());
    refund_.exec();
}

void SessionTable::touch(const PaymentHash& session, std::chrono::sys_seconds at) {
    touch_.tryReset();
    touch_.bind(1, unix_seconds(at));
    bind_bytes(touch_, 2, session.view());
    touch_.exec();
}

std::vector<paywall::SessionRecord> SessionTable::all() {
    std::vector<paywall::SessionRecord> out;
    select_all_.tryReset();
    while (select_all_.executeStep()) out.push_back(read(select_all_).session);
    select_all_.tryReset();
    return out;
}

std::optional<SessionTable::Known> SessionTable::find(const PaymentHash& id) {
    select_.tryReset();
    bind_bytes(select_, 1, id.view());
    std::optional<Known> out;
    if (select_.executeStep()) out = read(select_);
    select_.tryReset();
    return out;
}

std::optional<SessionTable::KnownDeposit> SessionTable::find_deposit(const PaymentHash& hash) {
    select_deposit_.tryReset();
    bind_bytes(select_deposit_, 1, hash.view());
    std::optional<KnownDeposit> out;
    if (select_deposit_.executeStep()) {
        out = KnownDeposit{hash_at(select_deposit_.getColumn(0)), select_deposit_.getColumn(1).getString(),
                           time_at(select_deposit_.getColumn(2))};
    }
    select_deposit_.tryReset();
    return out;
}

std::vector<PaymentHash> SessionTable::deposits_of(const PaymentHash& id) {
    std::vector<PaymentHash> out;
    select_deposits_.tryReset();
    bind_bytes(select_deposits_, 1, id.view());
    while (select_deposits_.executeStep()) out.push_back(hash_at(select_deposits_.getColumn(0)));
    select_deposits_.tryReset();
    return out;
}

Msat SessionTable::spent_of(const PaymentHash& id) {
    select_spent_.tryReset();
    bind_bytes(select_spent_, 1, id.view());
    const Msat out = select_spent_.executeStep() ? msat_at(select_spent_.getColumn(0)) : Msat();
    select_spent_.tryReset();
    return out;
}

void SessionTable::add_deposit(const PaymentHash& session, const paywall::Deposit& deposit,
                               std::chrono::sys_seconds at) {
    insert_deposit_.tryReset();
    bind_bytes(insert_deposit_, 1, deposit.hash.view());
    bind_bytes(insert_deposit_, 2, session.view());
    bind_msat(insert_deposit_, 3, deposit.amount);
    insert_deposit_.bind(4, deposit.challenge_id);
    insert_deposit_.bind(5, unix_seconds(at));
    insert_deposit_.exec();
}

SessionTable::Known SessionTable::read(SQLite::Statement& row) {
    Known out;
    paywall::SessionRecord& session = out.session;
    session.id = hash_at(row.getColumn(0));
    session.scope = row.getColumn(1).getString();
    session.service = row.getColumn(2).getString();
    session.deposit = msat_at(row.getColumn(3));
    session.return_invoice = row.getColumn(4).getString();
    session.idle = std::chrono::seconds(row.getColumn(5).getInt64());
    session.opened_at = time_at(row.getColumn(6));
    session.used_at = time_at(row.getColumn(7));
    if (!row.getColumn(8).isNull()) session.closed_at = time_at(row.getColumn(8));
    session.closed_by = row.getColumn(9).getString();
    out.close_challenge = row.getColumn(10).getString();
    session.spent = msat_at(row.getColumn(11));
    session.refund = msat_at(row.getColumn(12));
    session.refund_progress = progress_of(row.getColumn(13).getString());
    session.refund_reason = row.getColumn(14).getString();
    session.deposits = deposits_of(session.id);
    return out;
}

}  // namespace millrace::store
