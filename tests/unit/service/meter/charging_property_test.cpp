// For random quotas, requests, upstreams, clients and disks that fail: what a request uses is what the table in
// service/paywall/charging.hpp and the manual say, no more and no less; what is on disk is what the ledger says; and
// neither ever exceeds what was bought, whatever the order in which requests of one token go on. Decisions alone: no
// socket, no store, no clock.
//
// MILLRACE_PROPERTY_CASES says how many cases (20,000 by default), MILLRACE_PROPERTY_SEED where they begin.
#include <algorithm>
#include <cstdlib>
#include <limits>

#include "service/admit/token.hpp"
#include "service/meter/meter.hpp"
#include "service/paywall/charging.hpp"
#include "tests/unit/common/random.hpp"
#include "tests/unit/service/admit/world.hpp"

using namespace millrace;
using namespace millrace::test;
using http::Framing;
using meter::Meter;
using paywall::Usage;

namespace {

std::uint64_t number_from(const char* name, std::uint64_t usual) {
    const char* text = std::getenv(name);
    return text && *text ? std::strtoull(text, nullptr, 10) : usual;
}

bool one_in(Random& random, std::uint64_t times) {
    return random.below(times) == 0;
}

// One token, what it buys, and the disk that its uses are recorded on.
struct Account {
    AdmitWorld world;
    paywall::VerifiedCredential known;
    config::Quota quota;
    Usage disk;
    std::uint64_t leased = 0;      // uses that may run ahead of the disk
    std::uint64_t ahead = 0;       // that do
    std::uint64_t disk_fails = 0;  // one write in so many; 0: none
    std::uint64_t debt = 0;        // msat that requests cost beyond the balance

    explicit Account(Random& random) {
        config::Service& service = world.sold_service();
        service.price = Msat(100);
        const std::uint64_t kind = random.below(4);
        if (kind == 0 || kind == 3) service.quota.uses = 1 + random.below(4);
        if (kind == 1 || kind == 3)
            service.quota.bytes = 1 + (one_in(random, 3) ? random.below(200) : random.below(4'000'000));
        if (kind == 2) {
            service.quota.credit = Msat(100 + random.below(1000));
            if (one_in(random, 2)) service.max_cost = std::min(Msat(100 + random.below(400)), *service.quota.credit);
        }
        quota = service.quota;
        if (kind == 0 && one_in(random, 2)) leased = 1 + random.below(3);
        if (one_in(random, 3)) disk_fails = 2 + random.below(4);
        // As it is remembered once it was verified.
        l402::Sale sale;
        if (quota.credit)
            sale.credit = quota.credit;
        else
            sale.price = service.price;
        const l402::Credential token = world.sold(sale);
        world.known.payments[token.identifier.payment_hash].first_used_at = noon;
        REQUIRE_FALSE(world.ask("GET /x", world.authorization(token)));
        REQUIRE(world.begin() == "let in" + counted(paywall::AuthResult::ok));
        known = std::get<admit::LetIn>(world.last.what).remembered.value();
        world.pass.use.reset();
    }
};

enum class Stage { head, body, over };

// One request, from where it is let in to its end, and what it must have used by then.
struct Request {
    Account& account;
    bool safe;
    admit::RequestFacts facts;
    admit::Pass pass;
    Meter meter;
    Stage stage = Stage::head;
    bool let_in = false;
    paywall::Fate fate;
    meter::AnswerHead head;
    std::optional<std::uint64_t> trailer;
    std::uint64_t body = 0;  // bytes of the answer that are still to come
    std::uint64_t recorded = 0;
    bool left = false;
    std::chrono::milliseconds waited{0};
    Usage before;    // of the token on disk, when it was let in
    Usage delta;     // what it recorded, less what it gave back
    Usage expected;  // where it is alone
    std::uint64_t sent = 0;

    Request(Account& of, Random& random) : account(of), safe(one_in(random, 2)) {
        AdmitWorld& world = account.world;
        REQUIRE_FALSE(world.ask(safe ? "GET /x" : "POST /x"));
        facts = world.request;
        pass.room = &world.room;
        let_in = admit::let_in_known(facts, pass, world.books(), account.known);
        if (!let_in) {
            stage = Stage::over;
            return;
        }
        before = account.disk;
        fate.sent = static_cast<paywall::Sent>(random.below(3));
        fate.came = one_in(random, 4) ? static_cast<paywall::Came>(random.below(4)) : paywall::Came::head;
        fate.status = one_in(random, 5) ? 503 : 200;
        head.framing = static_cast<Framing>(random.below(4));
        const std::uint64_t most = one_in(random, 3) ? 300 : 5'000'000;
        body = head.framing == Framing::none ? 0 : random.below(most);
        if (head.framing == Framing::length) head.length = body;
        if (account.quota.credit) {
            if (one_in(random, 2)) head.cost = random.below(700);
            head.cost_follows = head.framing == Framing::chunked && one_in(random, 2);
            if (head.cost_follows && !one_in(random, 4)) trailer = random.below(700);
        }
        left = one_in(random, 4);
        if (one_in(random, 4)) waited = std::chrono::milliseconds(random.below(2000));
    }

    // As front/session_quota.cpp does.
    bool record(Random& random) {
        const Usage pending = pass.use->pending();
        if (pending == Usage{}) return true;
        if (account.leased > 0 && pass.use->commit_ahead(account.leased)) {
            account.ahead += pending.uses;
            REQUIRE(account.ahead <= account.leased);
            delta += pending;
            account.disk += pending;  // or owed to it
            return true;
        }
        if (account.disk_fails > 0 && one_in(random, account.disk_fails)) return false;
        account.disk += pending;
        delta += pending;
        pass.use->commit();
        return true;
    }
    void give_back(const Usage& unused) {
        if (unused == Usage{}) return;
        pass.use->give_back(unused);
        REQUIRE(account.disk.bytes >= unused.bytes);
        REQUIRE(account.disk.spent_msat >= unused.spent_msat);
        account.disk.bytes -= unused.bytes;
        account.disk.spent_msat -= unused.spent_msat;
        delta.bytes -= unused.bytes;
        delta.spent_msat -= unused.spent_msat;
    }
    void over() {
        pass.use.reset();
        stage = Stage::over;
    }

    void go_on(Random& random) {
        if (stage == Stage::head) return answer(random);
        const std::uint64_t piece = std::min<std::uint64_t>(body, 1 + random.below(2'000'000));
        const bool leaves = left && one_in(random, 2);
        if (!leaves && piece > 0) {
            std::uint64_t allowed = piece;
            if (account.quota.bytes) {
                bool failed = false;
                while (const std::uint64_t more = meter.lease_bytes(*pass.use, piece)) {
                    failed = !record(random);
                    if (failed) break;
                    meter.bytes_leased(more);
                }
                allowed = failed ? 0 : meter.take_bytes(piece);
            }
            sent += allowed;
            body -= allowed;
            if (allowed == piece && body > 0) return;
        }
        const bool whole = body == 0 && !leaves;
        if (whole && account.quota.credit && head.framing == Framing::chunked) {
            const Meter::End end = meter.end_came(*pass.use, trailer);
            give_back(end.give_back);
            trailer_failed = end.take != Usage{} && !record(random);
        }
        gone = leaves;
        const Meter::End end = meter.end(*pass.use, safe, gone, waited);
        give_back(end.give_back);
        if (end.take != Usage{}) {
            pass.use->commit();
            account.disk += end.take;
            delta += end.take;
        }
        finished = whole;
        over();
    }
    bool gone = false;
    bool finished = false;
    bool trailer_failed = false;
    bool withheld = false;
    bool not_recorded = false;

    void answer(Random& random) {
        if (!paywall::is_charged(fate)) return over();
        if (fate.came != paywall::Came::head) {
            meter.abandoned(*pass.use, safe);
            not_recorded = !record(random);
            return over();
        }
        const Meter::Came came = meter.answer_came(*pass.use, head);
        if (!came.enough) {
            withheld = true;
            if (Meter::withheld(*pass.use, safe)) not_recorded = !record(random);
            return over();
        }
        if (!record(random)) {
            not_recorded = true;
            return over();
        }
        stage = Stage::body;
    }

    // What it must have used where no other request was under way: written from the manual, not from the code.
    [[nodiscard]] Usage must_have_used() {
        Usage out;
        const bool charged = let_in && (fate.came == paywall::Came::head ? fate.status < 500
                                                                         : fate.came == paywall::Came::client_left &&
                                                                               fate.sent == paywall::Sent::whole);
        if (!charged || not_recorded) return out;
        const config::Quota& quota = account.quota;
        if (quota.uses && !(withheld && safe)) out.uses = 1;
        if (quota.bytes) {
            const std::uint64_t there = *quota.bytes - before.bytes;
            if (fate.came != paywall::Came::head)
                out.bytes = safe ? 0 : std::min(there, meter::byte_lease);
            else if (withheld)
                out.bytes = safe ? 0 : there;
            else
                out.bytes = sent + (!safe && gone && sent == 0 ? first_lease(there) : 0);
        }
        if (quota.credit) out.spent_msat = cost();
        return out;
    }
    // What was set aside for the answer of a request that may have changed something, whose client did not wait for it.
    [[nodiscard]] std::string what() const {
        auto text = [](const std::optional<std::uint64_t>& number) {
            return number ? std::to_string(*number) : "none";
        };
        return std::string(safe ? "safe" : "unsafe") + " request, came " + std::to_string(static_cast<int>(fate.came)) +
               ", status " + std::to_string(fate.status) + ", framing " +
               std::to_string(static_cast<int>(head.framing)) + ", cost " + text(head.cost) +
               (head.cost_follows ? " and a trailer, " : ", ") + text(trailer) + ", sent " + std::to_string(sent) +
               (finished ? " finished" : "") + (gone ? " gone" : "") + " waited " + std::to_string(waited.count()) +
               ", balance " + text(account.quota.credit ? std::optional(account.quota.credit->value()) : std::nullopt) +
               ", spent before " + std::to_string(before.spent_msat);
    }
    [[nodiscard]] std::uint64_t first_lease(std::uint64_t there) const {
        if (head.framing == Framing::none || head.framing == Framing::length) return head.length;
        return std::min(there, meter::byte_lease);
    }
    // What it cost, as far as there was a balance; the rest is a debt.
    [[nodiscard]] std::uint64_t cost() {
        const std::uint64_t price = 100;
        const std::optional<Msat>& most = account.world.sold_service().max_cost;
        const std::uint64_t there = account.quota.credit->value() - before.spent_msat - account.debt;
        // The most that this request may draw.
        const std::uint64_t bound = most ? std::max(price, most->value()) : there;
        if (fate.came != paywall::Came::head) return most ? bound : price;
        std::uint64_t said = head.cost.value_or(price);
        const bool may_follow = head.framing == Framing::chunked;
        if (finished && may_follow && trailer) {
            const bool kept = trailer_failed && *trailer > std::min(said, bound);
            said = kept ? std::min(said, bound) : *trailer;
        }
        const bool told = (head.cost && !head.cost_follows) || (finished && may_follow);
        const bool takes = gone || waited >= std::chrono::milliseconds(1000);
        if (may_follow && !told && takes && most) said = bound;
        const std::uint64_t drawn = std::min(said, bound);
        if (!most) account.debt += said - drawn;
        return drawn;
    }
};

}  // namespace

TEST_CASE("What a request uses is what the manual says, and never more than was bought") {
    const std::uint64_t cases = number_from("MILLRACE_PROPERTY_CASES", 20'000);
    const std::uint64_t first = number_from("MILLRACE_PROPERTY_SEED", 1);
    std::uint64_t let_in = 0;  // that a case lets in some is what makes it one
    for (std::uint64_t seed = first; seed < first + cases; ++seed) {
        INFO("MILLRACE_PROPERTY_SEED=" << seed);
        Random random(seed);
        Account account(random);
        const bool alone = one_in(random, 2);
        std::vector<std::unique_ptr<Request>> under_way;
        std::uint64_t to_come = 1 + random.below(5);
        while (to_come > 0 || !under_way.empty()) {
            if (account.ahead > 0 && one_in(random, 2)) {
                account.world.ledger.recorded(account.known.token.payment_hash, 1);
                --account.ahead;
            }
            const bool begin = to_come > 0 && (under_way.empty() || (!alone && one_in(random, 2)));
            if (begin) {
                under_way.push_back(std::make_unique<Request>(account, random));
                --to_come;
            }
            const std::size_t which = static_cast<std::size_t>(random.below(under_way.size()));
            Request& request = *under_way[which];
            if (request.stage != Stage::over) request.go_on(random);
            const Usage& disk = account.disk;
            if (account.quota.uses && disk.uses > *account.quota.uses) FAIL("more uses than were bought");
            if (account.quota.bytes && disk.bytes > *account.quota.bytes) FAIL("more bytes than were bought");
            if (account.quota.credit && disk.spent_msat > account.quota.credit->value()) FAIL("more than the balance");
            if (request.stage != Stage::over) continue;
            let_in += request.let_in ? 1 : 0;
            const Usage must = alone ? request.must_have_used() : request.delta;
            if (!(request.delta == must)) {
                FAIL(request.what() << "; used " << request.delta.uses << " uses, " << request.delta.bytes << " bytes, "
                                    << request.delta.spent_msat << " msat; must be " << must.uses << ", " << must.bytes
                                    << ", " << must.spent_msat);
            }
            if (!paywall::is_charged(request.fate) && !(request.delta == Usage{})) FAIL("charged, and is free");
            under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(which));
        }
        if (!(account.world.ledger.used(account.known.token.payment_hash) == account.disk))
            FAIL("the ledger and the disk differ");
    }
    CHECK(let_in > cases);
}
