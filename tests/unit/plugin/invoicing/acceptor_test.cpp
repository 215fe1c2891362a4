#include "plugin/invoicing/acceptor.hpp"

#include <boost/json/parse.hpp>
#include <functional>
#include <set>

#include "common/codec/tlv.hpp"
#include "plugin/invoicing/label.hpp"
#include "plugin/invoicing/onion_payload.hpp"
#include "tests/unit/catch.hpp"

namespace millrace::invoicing {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

const sys_seconds now{seconds(1795172000)};

Bytes payload_with(const PaymentSecret& secret, Msat total) {
    Bytes data = to_bytes(secret.view());
    for (const std::uint8_t byte : codec::encode_truncated_uint(total.value())) data.push_back(byte);
    const Bytes stream =
        codec::encode_tlv({{2, codec::encode_truncated_uint(total.value())}, {8, data}, {16, {0xca, 0xfe}}});
    Bytes out;
    codec::append_bigsize(out, stream.size());
    out.insert(out.end(), stream.begin(), stream.end());
    return out;
}

// One challenge of 1000 msat for "weather", open for ten minutes, and an HTLC that pays it as it should.
struct Sale {
    InvoiceKeys keys{SecretKey(std::array<std::uint8_t, 32>{1, 2, 3})};
    KeyEpochs epochs;
    InvoiceStyle style{"bcrt", codec::from_hex("02000002024100").value(), 21};
    Terms terms{Msat(1000), now + seconds(600), 21, 1, ServiceName::parse("weather").value(), Kind::sale};
    HtlcFacts htlc;

    Sale() { reseal(); }

    // After a change of the terms.
    void reseal() {
        htlc.payment_secret = keys.seal(terms, {1, 2, 3, 4, 5, 6}).value();
        htlc.payment_hash = crypto::payment_hash(keys.preimage(htlc.payment_secret, terms.kind));
        htlc.total = htlc.amount = Msat(1000);
        htlc.cltv_expiry_relative = 21;
        htlc.blockheight = 110;
        htlc.payload = payload_with(htlc.payment_secret, htlc.total);
    }

    [[nodiscard]] Acceptor acceptor(std::optional<std::string> remembered = std::nullopt) const {
        return {keys, epochs, style, htlc, std::move(remembered)};
    }
    [[nodiscard]] InvoiceRow row(RowStatus status) const {
        return {invoice_label(htlc.payment_hash, terms.kind), status};
    }
};

std::string word(const Step& step) {
    struct {
        std::string operator()(const PassOn&) const { return "pass on"; }
        std::string operator()(const Refuse& refuse) const { return std::string(name(refuse.why)); }
        std::string operator()(const AskRows&) const { return "ask rows"; }
        std::string operator()(const Create&) const { return "create"; }
        std::string operator()(const Record&) const { return "record"; }
        std::string operator()(const Accept&) const { return "accept"; }
    } const say;
    return std::visit(say, step);
}

TEST_CASE("an HTLC that pays a challenge leads to its invoice and is accepted") {
    const Sale sale;
    Acceptor acceptor = sale.acceptor();
    REQUIRE(word(acceptor.begin(now)) == "ask rows");
    const Step step = acceptor.on_rows({}, false, now);
    REQUIRE(word(step) == "create");

    const auto invoice = bolt11::decode(std::get<Create>(step).invstring);
    // It is not signed: that is lightningd's part. Everything else stands in it.
    CHECK_FALSE(invoice);
    CHECK(acceptor.preimage().equals(sale.keys.preimage(sale.htlc.payment_secret, Kind::sale)));

    REQUIRE(word(acceptor.on_created()) == "record");
    const Step last = acceptor.on_recorded();
    REQUIRE(word(last) == "accept");
    const auto stream = codec::decode_tlv(std::get<Accept>(last).payload).value();
    REQUIRE(stream.size() == 2);
    CHECK(stream[0].type == 2);
    CHECK(stream[1].type == 8);
    CHECK(PaymentSecret::from_bytes(ByteView(stream[1].value).first(32)).value() ==
          stored_invoice_secret(sale.keys.preimage(sale.htlc.payment_secret, Kind::sale)));
}

TEST_CASE("a deposit's invoice has a label and a preimage of its own, and a sale's row under its hash is foreign") {
    Sale sale;
    sale.terms.kind = Kind::deposit;
    sale.reseal();
    Acceptor acceptor = sale.acceptor();
    REQUIRE(word(acceptor.begin(now)) == "ask rows");
    CHECK(acceptor.label() == "millrace-deposit-" + sale.htlc.payment_hash.hex());
    CHECK(acceptor.preimage().equals(sale.keys.preimage(sale.htlc.payment_secret, Kind::deposit)));
    CHECK(word(acceptor.on_rows({}, false, now)) == "create");
    CHECK(word(acceptor.on_rows({sale.row(RowStatus::unpaid)}, false, now)) == "record");
    CHECK(word(acceptor.on_rows({{invoice_label(sale.htlc.payment_hash, Kind::sale), RowStatus::unpaid}}, false,
                                now)) == "foreign_invoice");
    CHECK(default_description(sale.terms.service, Kind::deposit) == "Deposit: weather");
}

TEST_CASE("a rebuilt invoice says what the secret says, with a default description and time for all the parts") {
    Sale sale;
    sale.terms.expires_at = now + seconds(5);
    sale.reseal();
    const bolt11::Invoice invoice =
        make_invoice(sale.style, sale.terms, sale.htlc.payment_secret, sale.htlc.payment_hash,
                     default_description(sale.terms.service, Kind::sale), {}, now);
    CHECK(invoice.description_text() == "L402: weather");
    CHECK(invoice.amount == Msat(1000));
    CHECK(invoice.expiry == min_expiry);
    CHECK(invoice.min_final_cltv == 21);
    CHECK(invoice.payment_secret == sale.htlc.payment_secret);
    CHECK(invoice.features == sale.style.features);
    Acceptor acceptor = sale.acceptor();
    REQUIRE(word(acceptor.begin(now)) == "ask rows");
    CHECK(std::get<Create>(acceptor.on_rows({}, false, now)).invstring == bolt11::encode_unsigned(invoice).value());
}

TEST_CASE("a challenge that is still remembered is stored as the payer saw it") {
    const Sale sale;
    Acceptor acceptor = sale.acceptor("lnbcrt1theverysame");
    (void)acceptor.begin(now);
    CHECK(std::get<Create>(acceptor.on_rows({}, false, now)).invstring == "lnbcrt1theverysame");
}

TEST_CASE("what is not ours is passed on") {
    Sale sale;
    const std::pair<const char*, std::function<void(Sale&)>> cases[] = {
        {"another node's secret",
         [](Sale& s) { s.htlc.payment_secret = PaymentSecret(std::array<std::uint8_t, 32>{9}); }},
        {"another hash", [](Sale& s) { s.htlc.payment_hash = PaymentHash(std::array<std::uint8_t, 32>{9}); }},
        {"an old key", [](Sale& s) { s.keys = InvoiceKeys(SecretKey{}); }},
    };
    for (const auto& [name, change] : cases) {
        INFO(name);
        Sale changed = sale;
        change(changed);
        Acceptor acceptor = changed.acceptor();
        CHECK(word(acceptor.begin(now)) == "pass on");
        CHECK_FALSE(acceptor.terms());
    }
}

TEST_CASE("every condition of a challenge is checked on every HTLC") {
    struct {
        const char* name;
        std::function<void(Sale&)> change;
        const char* outcome;
    } const cases[] = {
        {"as it should be", [](Sale&) {}, "ask rows"},
        {"a second before it expires", [](Sale& s) { s.terms.expires_at = now + seconds(1), s.reseal(); }, "ask rows"},
        {"the second it expires", [](Sale& s) { s.terms.expires_at = now, s.reseal(); }, "expired"},
        {"long expired", [](Sale& s) { s.terms.expires_at = now - seconds(86400), s.reseal(); }, "expired"},
        {"one msat short", [](Sale& s) { s.htlc.total = Msat(999); }, "amount_too_low"},
        {"nothing at all", [](Sale& s) { s.htlc.total = Msat(0); }, "amount_too_low"},
        {"twice the amount", [](Sale& s) { s.htlc.total = Msat(2000); }, "ask rows"},
        {"one msat above twice", [](Sale& s) { s.htlc.total = Msat(2001); }, "amount_too_high"},
        {"a part of the payment", [](Sale& s) { s.htlc.amount = Msat(1); }, "ask rows"},
        {"one block too few", [](Sale& s) { s.htlc.cltv_expiry_relative = 20; }, "cltv_too_soon"},
        {"more blocks than needed", [](Sale& s) { s.htlc.cltv_expiry_relative = 2016; }, "ask rows"},
        {"in the past", [](Sale& s) { s.htlc.cltv_expiry_relative = -3; }, "cltv_too_soon"},
        {"an epoch that never was", [](Sale& s) { s.terms.epoch = 2, s.reseal(); }, "epoch_retired"},
        {"a retired epoch", [](Sale& s) { s.epochs = s.epochs.rotated(now).value().retired(1, now).value(); },
         "epoch_retired"},
        {"an earlier epoch", [](Sale& s) { s.epochs = s.epochs.rotated(now).value(); }, "ask rows"},
        {"no payload", [](Sale& s) { s.htlc.payload.clear(); }, "bad_payload"},
        {"the greatest amount",
         [](Sale& s) {
             s.terms.amount = Msat(Terms::max_amount_msat);
             s.reseal();
             s.htlc.total = Msat(2 * Terms::max_amount_msat);
         },
         "ask rows"},
    };
    for (const auto& one : cases) {
        INFO(one.name);
        Sale sale;
        one.change(sale);
        Acceptor acceptor = sale.acceptor();
        CHECK(word(acceptor.begin(now)) == one.outcome);
        CHECK(acceptor.terms());
    }
}

TEST_CASE("N4: a challenge that was accepted before is not accepted without its row") {
    const Sale sale;
    const std::pair<std::vector<InvoiceRow>, const char*> cases[] = {
        {{}, "invoice_deleted"},
        {{sale.row(RowStatus::unpaid)}, "record"},  // another part, or a replay
        {{sale.row(RowStatus::paid)}, "already_paid"},
        {{sale.row(RowStatus::expired)}, "invoice_expired"},
        {{{"another label", RowStatus::unpaid}}, "foreign_invoice"},
    };
    for (const auto& [rows, outcome] : cases) {
        Acceptor acceptor = sale.acceptor();
        (void)acceptor.begin(now);
        CHECK(word(acceptor.on_rows(rows, true, now)) == outcome);
    }
}

TEST_CASE("the node's row of this hash decides") {
    const Sale sale;
    const std::pair<std::vector<InvoiceRow>, const char*> cases[] = {
        {{}, "create"},
        {{sale.row(RowStatus::unpaid)}, "record"},
        {{sale.row(RowStatus::paid)}, "already_paid"},
        {{sale.row(RowStatus::expired)}, "invoice_expired"},
        {{{"another label", RowStatus::unpaid}}, "foreign_invoice"},
        {{{"another label", RowStatus::paid}}, "foreign_invoice"},
        {{{"millrace-" + std::string(64, '0'), RowStatus::unpaid}}, "foreign_invoice"},
    };
    for (const auto& [rows, outcome] : cases) {
        INFO(outcome);
        Acceptor acceptor = sale.acceptor();
        (void)acceptor.begin(now);
        CHECK(word(acceptor.on_rows(rows, false, now)) == outcome);
    }
}

TEST_CASE("a challenge that expires while lightningd is asked is refused") {
    const Sale sale;
    Acceptor acceptor = sale.acceptor();
    (void)acceptor.begin(now);
    CHECK(word(acceptor.on_rows({}, false, sale.terms.expires_at)) == "expired");
}

TEST_CASE("a duplicate label is fine where it is our own unpaid row, and only then") {
    const Sale sale;
    const std::pair<InvoiceRow, const char*> cases[] = {
        {sale.row(RowStatus::unpaid), "record"},
        {sale.row(RowStatus::paid), "already_paid"},
        {sale.row(RowStatus::expired), "invoice_expired"},
        {{"x", RowStatus::unpaid}, "foreign_invoice"},
    };
    for (const auto& [row, outcome] : cases) {
        INFO(outcome);
        Acceptor acceptor = sale.acceptor();
        (void)acceptor.begin(now);
        (void)acceptor.on_rows({}, false, now);
        CHECK(word(acceptor.on_duplicate(row)) == outcome);
    }
}

TEST_CASE("an invoice that lightningd refuses to make fails the HTLC") {
    const Sale sale;
    Acceptor acceptor = sale.acceptor();
    (void)acceptor.begin(now);
    (void)acceptor.on_rows({}, false, now);
    CHECK(word(acceptor.on_create_refused()) == "node_failed");
}

TEST_CASE("a lightningd that does not answer is asked again, a little later each time, and not for ever") {
    const Sale sale;
    Acceptor acceptor = sale.acceptor();
    (void)acceptor.begin(now);
    std::chrono::milliseconds last{0};
    for (int attempt = 1; attempt < Acceptor::max_attempts; ++attempt) {
        const Step step = acceptor.on_no_answer();
        REQUIRE(word(step) == "ask rows");
        CHECK(std::get<AskRows>(step).delay > last);
        last = std::get<AskRows>(step).delay;
    }
    CHECK(last <= std::chrono::seconds(2));
    CHECK(word(acceptor.on_no_answer()) == "node_failed");
}

TEST_CASE("after a lost answer to createinvoice our own row is found and accepted") {
    const Sale sale;
    Acceptor acceptor = sale.acceptor();
    (void)acceptor.begin(now);
    REQUIRE(word(acceptor.on_rows({}, false, now)) == "create");
    REQUIRE(word(acceptor.on_no_answer()) == "ask rows");
    CHECK(word(acceptor.on_rows({sale.row(RowStatus::unpaid)}, false, now)) == "record");
}

TEST_CASE("rows are read, and what is no row is an error, never an empty list") {
    const auto rows = parse_invoice_rows(boost::json::parse(
        R"({"invoices":[{"label":"a","status":"paid","bolt11":"x"},{"label":"b","status":"expired"}]})"));
    REQUIRE(rows);
    REQUIRE(rows->size() == 2);
    CHECK(rows->front().status == RowStatus::paid);
    CHECK(rows->back().label == "b");
    CHECK(parse_invoice_rows(boost::json::parse(R"({"invoices":[]})")).value().empty());
    for (const char* text : {"{}", "[]", "null", R"({"invoices":{}})", R"({"invoices":[{"label":"a"}]})",
                             R"({"invoices":[7]})", R"({"invoices":[{"label":"a","status":"new"}]})"}) {
        INFO(text);
        CHECK_FALSE(parse_invoice_rows(boost::json::parse(text)));
    }
}

TEST_CASE("each refusal has its own name") {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < refusal_count; ++i) names.insert(name(static_cast<Refusal>(i)));
    CHECK(names.size() == refusal_count);
    CHECK_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace millrace::invoicing
