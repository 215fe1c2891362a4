#include "common/crypto/hash.hpp"
#include "contrib/simulator/ledger/datastore.hpp"
#include "contrib/simulator/ledger/forwards.hpp"
#include "contrib/simulator/ledger/htlc_sets.hpp"
#include "contrib/simulator/ledger/invoices.hpp"
#include "contrib/simulator/ledger/payments.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/simulator/network/fixture.hpp"

namespace millrace::sim {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;
using test::preimage;

InvoiceRow row(std::string label, std::string_view secret, int expires_at = 100) {
    InvoiceRow out;
    out.label = std::move(label);
    out.preimage = preimage(secret);
    out.payment_hash = crypto::payment_hash(out.preimage);
    out.amount = Msat(1000);
    out.expires_at = sys_seconds(seconds(expires_at));
    return out;
}

TEST_CASE("an invoice's label and payment hash are unique, and the label is looked at first") {
    InvoiceTable table;
    CHECK(table.create(row("a", "1")) == InvoiceTable::Created::yes);
    CHECK(table.create(row("a", "1")) == InvoiceTable::Created::duplicate_label);
    CHECK(table.create(row("a", "2")) == InvoiceTable::Created::duplicate_label);
    CHECK(table.create(row("b", "1")) == InvoiceTable::Created::duplicate_hash);
    CHECK(table.rows().size() == 1);
    CHECK(table.created() == 1);
    CHECK(table.by_label("a")->created_index == 1);
    CHECK(table.by_hash(crypto::payment_hash(preimage("1")))->label == "a");
    CHECK(table.by_label("b") == nullptr);
}

TEST_CASE("pay_index counts payments, not invoices, and paid_after() pages through them") {
    InvoiceTable table;
    for (const char* name : {"a", "b", "c"}) table.create(row(name, name));
    CHECK(table.paid_after(0) == nullptr);
    CHECK(table.pay(3, Msat(5), sys_seconds(seconds(7))).pay_index == 1);
    CHECK(table.pay(1, Msat(6), sys_seconds(seconds(8))).pay_index == 2);
    CHECK(table.paid_after(0)->label == "c");
    CHECK(table.paid_after(1)->label == "a");
    CHECK(table.paid_after(2) == nullptr);
    CHECK(table.updated() == 2);
    CHECK(table.by_label("a")->received == Msat(6));
}

TEST_CASE("unpaid invoices expire at their time, paid ones never") {
    InvoiceTable table;
    table.create(row("early", "1", 10));
    table.create(row("paid", "2", 10));
    table.create(row("late", "3", 20));
    table.pay(2, Msat(1000), sys_seconds(seconds(1)));
    CHECK(table.expire(sys_seconds(seconds(9))).empty());
    CHECK(table.expire(sys_seconds(seconds(10))) == std::vector<std::uint64_t>{1});
    CHECK(table.by_label("early")->status == InvoiceStatus::expired);
    CHECK(table.by_label("paid")->status == InvoiceStatus::paid);
    CHECK(table.by_label("late")->status == InvoiceStatus::unpaid);
}

TEST_CASE("a deleted invoice leaves its label and hash free and its index used") {
    InvoiceTable table;
    table.create(row("a", "1"));
    table.remove(1);
    CHECK(table.deleted() == 1);
    CHECK(table.create(row("a", "1")) == InvoiceTable::Created::yes);
    CHECK(table.by_label("a")->created_index == 2);
    CHECK(table.writes() == 3);
}

TEST_CASE("the latest attempt of a payment part is the one that is found") {
    PaymentTable table;
    PaymentRow first;
    first.group = 1;
    table.add(first);
    PaymentRow second;
    second.group = 2;
    table.add(second);
    CHECK(table.find(PaymentHash(), 0, 0)->id == 2);
    CHECK(table.find(PaymentHash(), 0, 1)->id == 1);
    CHECK(table.find(PaymentHash(), 1, 0) == nullptr);
    table.remove(2);
    CHECK(table.find(PaymentHash(), 0, 0)->id == 1);
    CHECK(table.deleted() == 1);
}

TEST_CASE("fees are collected by settled forwards only") {
    ForwardTable table;
    ForwardRow settled;
    settled.in_amount = Msat(110);
    settled.out_amount = Msat(100);
    ForwardRow failed = settled;
    failed.in_htlc_id = 1;
    table.add(settled);
    table.add(failed);
    CHECK(table.fees_collected() == Msat());
    table.resolve(*table.find(ShortChannelId(), 1), ForwardStatus::failed, Time());
    CHECK(table.fees_collected() == Msat());
    table.resolve(*table.find(ShortChannelId(), 0), ForwardStatus::settled, Time());
    CHECK(table.fees_collected() == Msat(10));
    CHECK(table.find(ShortChannelId(), 1)->created_index == 2);
    CHECK(table.find(ShortChannelId(), 2) == nullptr);
}

struct DatastoreCase {
    const char* what;
    DatastoreKey key;
    DatastoreMode mode;
    std::optional<std::uint64_t> generation;
    int error;  // 0: written
};

TEST_CASE("S3: forwards and payments are found in the order of their updates, each where its last one stands") {
    ForwardTable forwards;
    PaymentTable payments;
    std::vector<PaymentRow*> paid;
    for (std::uint64_t i = 0; i < 3; ++i) {
        ForwardRow row;
        row.in_htlc_id = i;
        forwards.add(row);
        paid.push_back(&payments.add({}));
    }
    for (const std::uint64_t i : {1U, 2U, 0U}) {
        forwards.resolve(*forwards.find(ShortChannelId(), i), ForwardStatus::settled, Time());
        payments.touch(*paid[i]);
    }
    payments.touch(*paid[2]);
    CHECK(forwards.by_update() == std::map<std::uint64_t, std::uint64_t>{{1, 2}, {2, 3}, {3, 1}});
    CHECK(payments.by_update() == std::map<std::uint64_t, std::uint64_t>{{1, 2}, {3, 1}, {4, 3}});
    payments.remove(1);
    CHECK(payments.by_update() == std::map<std::uint64_t, std::uint64_t>{{1, 2}, {4, 3}});
}

TEST_CASE("the datastore's modes and its tree answer with lightningd's codes") {
    using enum DatastoreMode;
    const DatastoreCase cases[] = {
        {"a new key", {"new"}, must_create, {}, 0},
        {"a key that is there", {"x", "y"}, must_create, {}, 1202},
        {"nothing to replace", {"new"}, must_replace, {}, 1203},
        {"nothing to append to", {"new"}, must_append, {}, 1203},
        {"another generation", {"x", "y"}, must_replace, 5, 1204},
        {"the right generation", {"x", "y"}, must_replace, 0, 0},
        {"a key with children", {"x"}, must_create, {}, 1205},
        {"a child of a key with data", {"x", "y", "z"}, must_create, {}, 1206},
        {"create or replace, new", {"new"}, create_or_replace, {}, 0},
        {"create or replace, there", {"x", "y"}, create_or_replace, {}, 0},
    };
    for (const DatastoreCase& tested : cases) {
        INFO(tested.what);
        Datastore store;
        DatastoreEntry entry;
        REQUIRE_FALSE(store.write({"x", "y"}, {1}, must_create, {}, entry));
        const auto error = store.write(tested.key, {2}, tested.mode, tested.generation, entry);
        CHECK((error ? static_cast<int>(*error) : 0) == tested.error);
    }
}

TEST_CASE("the datastore appends, counts generations, lists children and deletes") {
    Datastore store;
    DatastoreEntry entry;
    static_cast<void>(store.write({"x", "y"}, {1}, DatastoreMode::must_create, {}, entry));
    static_cast<void>(store.write({"x", "z", "deep"}, {3}, DatastoreMode::must_create, {}, entry));
    static_cast<void>(store.write({"x", "z", "deeper"}, {3}, DatastoreMode::must_create, {}, entry));
    static_cast<void>(store.write({"xy"}, {4}, DatastoreMode::must_create, {}, entry));
    REQUIRE_FALSE(store.write({"x", "y"}, {2}, DatastoreMode::create_or_append, {}, entry));
    CHECK(entry.data == Bytes{1, 2});
    CHECK(entry.generation == 1);
    const auto children = store.list({"x"});
    REQUIRE(children.size() == 2);
    CHECK(children[0].entry != nullptr);
    CHECK(children[1].key == DatastoreKey{"x", "z"});
    CHECK(children[1].entry == nullptr);
    CHECK(store.list({}).size() == 2);
    CHECK(store.remove({"x", "y"}, 0, entry) == DatastoreError::wrong_generation_on_delete);
    CHECK_FALSE(store.remove({"x", "y"}, 1, entry));
    CHECK(store.remove({"x", "y"}, {}, entry) == DatastoreError::does_not_exist_on_delete);
}

TEST_CASE("parts gather by hash until they reach their common total") {
    HtlcSets sets;
    const PaymentHash hash = crypto::payment_hash(preimage("1"));
    CHECK(sets.add(hash, 1, Msat(40), Msat(100)) == HtlcSets::Added::first);
    CHECK(sets.add(hash, 2, Msat(40), Msat(100)) == HtlcSets::Added::more);
    CHECK_FALSE(sets.find(hash)->complete());
    CHECK(sets.add(hash, 3, Msat(40), Msat(101)) == HtlcSets::Added::other_total);
    CHECK(sets.find(hash)->parts.size() == 2);
    CHECK(sets.add(hash, 4, Msat(20), Msat(100)) == HtlcSets::Added::more);
    CHECK(sets.find(hash)->complete());
    const std::uint64_t generation = sets.find(hash)->generation;
    CHECK(sets.take(hash).parts == std::vector<HtlcRef>{1, 2, 4});
    CHECK(sets.find(hash) == nullptr);
    CHECK(sets.take(hash).parts.empty());
    sets.add(hash, 5, Msat(1), Msat(2));
    CHECK(sets.find(hash)->generation != generation);
}

}  // namespace
}  // namespace millrace::sim
