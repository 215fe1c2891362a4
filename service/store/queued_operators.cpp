#include "service/store/queued_operators.hpp"

#include <memory>
#include <utility>

#include "service/store/grant_table.hpp"
#include "service/store/service_table.hpp"

namespace millrace::store {

QueuedOperators::QueuedOperators(SQLite::Database& database, FactsMap& facts, QueuedSessions::Enqueue enqueue)
    : database_(database),
      table_(database),
      facts_(facts),
      enqueue_(std::move(enqueue)),
      services_(read_services(database)) {
    table_.load(facts_);
    for (const TokenGrant& one : read_grants(database_)) facts_.set_granted(one.hash, one.granted_at, one.terms);
}

void QueuedOperators::revoke(const PaymentHash& hash, std::string reason, AuditEntry entry, Store::RevokedDone done) {
    const std::chrono::sys_seconds at = entry.at;
    auto step = [this, hash, reason = std::move(reason), at] { return table_.revoke(hash, reason, at); };
    change(hash, true, std::move(step), std::move(entry), std::move(done));
}

void QueuedOperators::restore(const PaymentHash& hash, AuditEntry entry, Store::RevokedDone done) {
    change(
        hash, false, [this, hash] { return table_.restore(hash); }, std::move(entry), std::move(done));
}

void QueuedOperators::change(const PaymentHash& hash, bool revoked, std::function<bool()> step, AuditEntry entry,
                             Store::RevokedDone done) {
    auto is_new = std::make_shared<bool>(false);
    enqueue_({[this, step = std::move(step), entry = std::move(entry), is_new] {
                  *is_new = step();
                  if (*is_new) table_.audit(entry);
              },
              [this, hash, revoked, is_new, done = std::move(done)](const Result<void>& committed) {
                  if (!committed) return done(committed.error());
                  if (*is_new) {
                      facts_.set_revoked(hash, revoked);
                      version_.fetch_add(1, std::memory_order_release);
                  }
                  done(*is_new);
              }});
}

void QueuedOperators::grant(TokenGrant grant, AuditEntry entry, Store::GrantDone done) {
    auto given = std::make_shared<const TokenGrant>(std::move(grant));
    enqueue_({[this, given, entry = std::move(entry)] {
                  write_grant(database_, *given);
                  table_.audit(entry);
              },
              [this, given, done = std::move(done)](const Result<void>& committed) {
                  if (committed) {
                      facts_.set_granted(given->hash, given->granted_at, given->terms);
                      ++grants_;
                  }
                  done(committed);
              }});
}

void QueuedOperators::replace_services(std::vector<config::StoredService> services, AuditEntry entry,
                                       Store::ServicesDone done) {
    enqueue_({[this, services = std::move(services), entry = std::move(entry)] {
                  write_services(database_, services);
                  table_.audit(entry);
              },
              [done = std::move(done)](const Result<void>& committed) { done(committed); }});
}

void QueuedOperators::audit(AuditEntry entry, Store::AuditDone done) {
    enqueue_({[this, entry = std::move(entry)] { table_.audit(entry); },
              [done = std::move(done)](const Result<void>& committed) { done(committed); }});
}

}  // namespace millrace::store
