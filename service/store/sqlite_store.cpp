#include "service/store/sqlite_store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

#include "service/store/charge_table.hpp"
#include "service/store/columns.hpp"
#include "service/store/examine.hpp"
#include "service/store/facts_map.hpp"
#include "service/store/file_guard.hpp"
#include "service/store/first_use_table.hpp"
#include "service/store/free_use_table.hpp"
#include "service/store/lock_file.hpp"
#include "service/store/migrate.hpp"
#include "service/store/owed.hpp"
#include "service/store/queued_operators.hpp"
#include "service/store/queued_sessions.hpp"
#include "service/store/queued_settlements.hpp"
#include "service/store/usage_table.hpp"
#include "service/store/write_health.hpp"
#include "service/store/write_queue.hpp"

namespace millrace::store {
namespace {

constexpr std::size_t prune_step = 1000;  // usages looked at in one commit
// How soon it is noticed that the file is gone while nothing is written.
constexpr std::chrono::milliseconds look_after_file{500};
constexpr std::chrono::seconds patience_at_end{10};
// How long what was answered already waits for more of its kind: each commit costs the same, whatever is in it.
constexpr std::chrono::milliseconds patience_with_answered{20};

class SqliteStore final : public Store {
  public:
    SqliteStore(const std::filesystem::path& file, std::unique_ptr<LockFile> lock)
        : lock_(std::move(lock)), database_(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, 5000) {
        database_.exec("PRAGMA synchronous = FULL");
        // A new file is a store or still empty: with a log, its first page would be there before its tables are.
        migrate(database_);
        database_.exec("PRAGMA journal_mode = WAL");
        const QueuedSessions::Enqueue enqueue = [this](QueuedWrite write) { queue_.push(std::move(write)); };
        settlements_.emplace(database_, facts_, enqueue);
        first_uses_.emplace(database_);
        first_uses_->load(facts_);
        load_charges();
        operators_.emplace(database_, facts_, enqueue);
        charges_.emplace(database_);
        sessions_.emplace(database_, enqueue);
        free_uses_.emplace(database_);
        stored_free_uses_ = free_uses_->load();
        usage_.emplace(database_);
        usages_ = usage_->load();
        ended_before_ = usage_->ended_before();
        guard_.emplace(file, [this] { return is_of_this_store(database_.getFilename(), free_uses_->key()); });
        writer_ = std::thread([this] { write_until_closed(); });
    }

    ~SqliteStore() override {
        queue_.close();
        writer_.join();
    }

    [[nodiscard]] paywall::PaymentFacts facts(const PaymentHash& hash) const override { return facts_.find(hash); }

    [[nodiscard]] std::uint64_t resume_from(std::string_view node_id) override {
        return settlements_->resume_from(node_id);
    }
    [[nodiscard]] std::optional<std::string> home_node() const override { return settlements_->home_node(); }
    void remember_node(std::string node_id, RememberedDone done) override {
        settlements_->remember_node(std::move(node_id), std::move(done));
    }

    void record_first_use(const l402::Identifier& token, std::string_view service, std::chrono::sys_seconds at,
                          FirstUseDone done) override {
        queue_.push(FirstUseWrite{token.payment_hash, token.token_id, std::string(service), at, std::move(done)});
    }

    void use_charge(paywall::ChargeUse use, ChargeDone done) override {
        queue_.push(ChargeWrite{std::move(use), std::move(done)});
    }

    void release_charge(const PaymentHash& hash, ReleaseDone done) override {
        queue_.push(QueuedWrite{[this, hash] { release(hash); },
                                [this, hash, done = std::move(done)](const Result<void>& committed) {
                                    if (!committed) owed_.add_release(hash);
                                    done(committed);
                                }});
    }

    void record_settlement(std::string_view node_id, gateway::Settlement settlement, SettlementDone done) override {
        settlements_->record(node_id, std::move(settlement), std::move(done));
    }

    void record_usage(const PaymentHash& hash, std::string_view service, UsageChange change,
                      const paywall::Usage& usage, UsageDone done) override {
        queue_.push(UsageWrite{hash, std::string(service), change, usage, std::move(done)});
    }

    void record_answered(const PaymentHash& hash, std::string_view service, std::uint64_t uses, bool hurry) override {
        answered_ += uses;
        ahead_ += uses;
        queue_.push_answered(hash, service, uses, hurry);
    }
    void on_recorded(Recorded recorded) override { recorded_ = std::move(recorded); }

    [[nodiscard]] std::vector<TokenUsage> take_usages() override { return std::move(usages_); }

    void prune_usages(paywall::SoldTimes sold, std::chrono::sys_seconds now, PrunedDone done) override {
        queue_.push(PruneWrite{std::move(sold), now, std::move(done), {}, {}});
    }

    [[nodiscard]] std::chrono::sys_seconds ended_before(std::string_view name) const override {
        std::lock_guard lock(ended_mutex_);
        auto place = ended_before_.find(name);
        return place == ended_before_.end() ? std::chrono::sys_seconds::min() : place->second;
    }

    void record_free_uses(paywall::FreeUses uses, FreeUsesDone done) override {
        queue_.push(FreeUsesWrite{std::move(uses), std::move(done)});
    }

    [[nodiscard]] std::vector<paywall::FreeUses> take_free_uses() override { return std::move(stored_free_uses_); }
    [[nodiscard]] const SecretKey& free_use_key() const override { return free_uses_->key(); }

    void revoke(const PaymentHash& hash, std::string reason, AuditEntry entry, RevokedDone done) override {
        operators_->revoke(hash, std::move(reason), std::move(entry), std::move(done));
    }
    void restore(const PaymentHash& hash, AuditEntry entry, RevokedDone done) override {
        operators_->restore(hash, std::move(entry), std::move(done));
    }
    void grant(TokenGrant grant, AuditEntry entry, GrantDone done) override {
        operators_->grant(std::move(grant), std::move(entry), std::move(done));
    }
    void replace_services(std::vector<config::StoredService> services, AuditEntry entry, ServicesDone done) override {
        operators_->replace_services(std::move(services), std::move(entry), std::move(done));
    }
    void record_audit(AuditEntry entry, AuditDone done) override {
        operators_->audit(std::move(entry), std::move(done));
    }
    [[nodiscard]] std::uint64_t revocations_version() const override { return operators_->revocations_version(); }
    [[nodiscard]] const std::vector<config::StoredService>& services() const override { return operators_->services(); }

    [[nodiscard]] SessionStore& sessions() override { return *sessions_; }

    [[nodiscard]] bool writable() const override { return health_.good(); }

    [[nodiscard]] Figures figures() const override {
        std::lock_guard lock(figures_mutex_);
        Figures out = figures_;
        out.writes = queue_.pushed();
        out.queued = queue_.size();
        out.answered = answered_;
        out.ahead = ahead_;
        out.grants = operators_->grants();
        return out;
    }

  private:
    void load_charges() {
        SQLite::Statement charges(database_, "SELECT payment_hash FROM consumed_charges WHERE replays >= 0");
        while (charges.executeStep()) facts_.set_charged(hash_at(charges.getColumn(0)), true);
    }

    // The writer thread: takes all that is queued, commits it as one transaction, tells everybody.
    void write_until_closed() {
        std::vector<Write> group;
        while (queue_.take(group)) {
            auto started = std::chrono::steady_clock::now();
            Result<void> committed = commit(group);
            std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
            if (group.empty() && committed && writable()) continue;
            {
                std::lock_guard lock(figures_mutex_);
                ++(committed ? figures_.commits : figures_.failures);
                figures_.commit_seconds += taken.count();
            }
            note(committed);
            if (committed) {
                for (const PaymentHash& hash : released_) facts_.set_charged(hash, false);
                note_paid();
            }
            released_.clear();
            for (Write& write : group) std::visit([&](auto& one) { finish(one, committed); }, write);
            group.clear();
        }
        pay_what_is_owed();
    }

    void note(const Result<void>& committed) {
        std::string why = committed ? std::string() : committed.error().message;
        auto said = health_.committed(why, std::chrono::steady_clock::now());
        if (said) spdlog::log(said->level, "{}", said->text);
    }

    // Nothing to write is written too, where the last commit failed: to see whether it works again. A file that is gone
    // is found out before a commit, not behind it: what is committed then is told as it is, and goes where the file
    // goes.
    Result<void> commit(std::vector<Write>& group) {
        if (auto gone = guard_->fault()) return fail(Errc::write_failed, *gone);
        if (group.empty() && writable()) return {};
        try {
            SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
            if (group.empty()) database_.exec(pragma("user_version", static_cast<int>(migrations().size())));
            released_.clear();
            usage_->begin_group();
            for (const PaymentHash& hash : owed_.releases()) release(hash);
            owed_.add_to(*usage_);
            for (Write& write : group) {
                // What else is written may ask what was used before it.
                if (!std::holds_alternative<UsageWrite>(write) && !std::holds_alternative<AnsweredWrite>(write))
                    usage_->write_group();
                std::visit([&](auto& one) { execute(one); }, write);
            }
            usage_->write_group();
            transaction.commit();
            return {};
        } catch (const SQLite::Exception& error) {
            bool malformed = error.getErrorCode() == SQLITE_CORRUPT || error.getErrorCode() == SQLITE_NOTADB;
            std::string what = error.what();
            return fail(Errc::write_failed, malformed ? what + ". " + remedy(database_.getFilename()) : what);
        } catch (const std::exception& error) {  // a row that no millraced wrote, no memory
            return fail(Errc::write_failed, error.what());
        }
    }

    // What was owed is on disk.
    void note_paid() {
        for (AnsweredWrite& use : owed_.take_uses()) finish(use, {});
    }

    // At the end: what could not be written yet is tried once more, and for a while.
    void pay_what_is_owed() {
        std::vector<Write> nothing;
        const auto end = std::chrono::steady_clock::now() + patience_at_end;
        while (!owed_.none() && std::chrono::steady_clock::now() < end) {
            if (commit(nothing))
                note_paid();
            else
                std::this_thread::sleep_for(look_after_file);
        }
        if (!owed_.none()) spdlog::warn("{}", owed_.text());
    }

    void execute(FirstUseWrite& write) {
        write.is_new = first_uses_->add(write.hash, write.token_id, write.service, write.at);
    }

    void release(const PaymentHash& hash) {
        if (charges_->release(hash)) released_.insert(hash);
    }

    void execute(ChargeWrite& write) {
        write.admission = charges_->use(write.use);
        if (write.admission == paywall::ChargeAdmission::first) released_.erase(write.use.payment_hash);
    }

    void finish(ChargeWrite& write, const Result<void>& committed) {
        if (!committed) return write.done(committed.error());
        if (write.admission == paywall::ChargeAdmission::first) facts_.set_charged(write.use.payment_hash, true);
        write.done(write.admission);
    }

    void execute(UsageWrite& write) { usage_->add(write.hash, write.service, write.change, write.usage); }
    void execute(PruneWrite& write) {
        write.pruned = usage_->prune(write.sold, write.now, prune_step);
        write.ended_before = usage_->ended_before();
    }
    void execute(FreeUsesWrite& write) { free_uses_->add(write.uses); }

    void finish(FirstUseWrite& write, const Result<void>& committed) {
        if (!committed) return write.done(committed.error());
        facts_.set_first_used(write.hash, write.at);
        if (write.is_new) {
            std::lock_guard lock(figures_mutex_);
            ++figures_.first_uses;
        }
        write.done(write.at);
    }

    static void execute(QueuedWrite& write) { write.execute(); }
    static void finish(QueuedWrite& write, const Result<void>& committed) { write.finish(committed); }

    void finish(UsageWrite& write, const Result<void>& committed) {
        if (committed || write.change == UsageChange::used) return write.done(committed);
        // The use stands on disk, and what was not needed of it is its token's: with the next commit.
        owed_.add(write);
        write.done({});
    }

    void execute(AnsweredWrite& write) {
        usage_->add(write.hash, write.service, UsageChange::used, {write.uses, 0, 0});
    }
    void finish(AnsweredWrite& write, const Result<void>& committed) {
        if (!committed) return owed_.add(std::move(write));
        ahead_ -= write.uses;
        if (recorded_) recorded_(write.hash, write.uses);
    }
    // Nobody is told whose usage is gone before their tokens have ended.
    void finish(PruneWrite& write, const Result<void>& committed) {
        if (!committed) return write.done(committed.error());
        {
            std::lock_guard lock(ended_mutex_);
            ended_before_ = std::move(write.ended_before);
        }
        write.done(std::move(write.pruned));
    }
    static void finish(FreeUsesWrite& write, const Result<void>& committed) { write.done(committed); }

    std::unique_ptr<LockFile> lock_;
    SQLite::Database database_;
    std::optional<QueuedSettlements> settlements_;
    std::optional<FirstUseTable> first_uses_;
    std::optional<QueuedOperators> operators_;
    std::optional<ChargeTable> charges_;
    std::optional<FreeUseTable> free_uses_;
    std::optional<UsageTable> usage_;
    std::vector<paywall::FreeUses> stored_free_uses_;
    std::optional<QueuedSessions> sessions_;
    std::optional<FileGuard> guard_;
    FactsMap facts_;
    std::vector<TokenUsage> usages_;

    std::atomic<std::uint64_t> answered_{0};
    std::atomic<std::uint64_t> ahead_{0};
    Recorded recorded_;
    // The writer's own:
    Owed owed_;
    std::unordered_set<PaymentHash> released_;  // charges, in the transaction under way
    WriteHealth health_;

    mutable std::mutex ended_mutex_;
    EndedBefore ended_before_;

    WriteQueue queue_{{look_after_file, patience_with_answered}};
    mutable std::mutex figures_mutex_;
    Figures figures_;
    std::thread writer_;
};

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite(const std::filesystem::path& file) {
    auto lock = std::make_unique<LockFile>(file);
    if (!lock->held()) {
        if (lock->error() == EWOULDBLOCK)
            return fail(Errc::in_use, file.string() + ": stop it first, or give this one another [store] path");
        return fail(Errc::cannot_open, file.string() + ": " + std::strerror(lock->error()));
    }
    if (auto examined = examine(file); !examined) return examined.error();
    // SQLite would let everybody read a file that it makes; the ones beside it get the mode of this one.
    if (int made = ::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0640); made >= 0) ::close(made);
    try {
        return std::unique_ptr<Store>(std::make_unique<SqliteStore>(file, std::move(lock)));
    } catch (const SQLite::Exception& error) {
        return fail(Errc::cannot_open, file.string() + ": " + error.what());
    } catch (const ResultError& error) {  // a row that no millraced wrote
        return fail(Errc::corrupt, file.string() + ": " + error.what() + ". " + remedy(file));
    }
}

}  // namespace millrace::store
