#include "plugin/refunds/evidence.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "plugin/invoicing/invoice.hpp"
#include "plugin/invoicing/label.hpp"
#include "tests/unit/catch.hpp"

namespace millrace::refunds {
namespace {

namespace bj = boost::json;
using gateway::RefundRefusal;
using invoicing::Kind;

const invoicing::InvoiceKeys keys{SecretKey(std::array<std::uint8_t, 32>{7})};
const SecretKey node_key(std::array<std::uint8_t, 32>{1});
const std::chrono::sys_seconds now{std::chrono::seconds(1795172000)};

struct Row {
    PaymentHash hash;
    bj::object row;
    [[nodiscard]] bj::object listed() const { return {{"invoices", bj::array{row}}}; }
};

Row paid(Kind kind) {
    const invoicing::Terms terms{Msat(20000), now + std::chrono::seconds(600),       21,
                                 1,           ServiceName::parse("weather").value(), kind};
    const PaymentSecret secret = keys.seal(terms, {1, 2, 3, 4, 5, 6}).value();
    const PaymentHash hash = crypto::payment_hash(keys.preimage(secret, kind));
    const std::string bolt11 =
        bolt11::encode_signed(invoicing::make_invoice({"bcrt", {}, 21}, terms, secret, hash, "deposit", {}, now),
                              node_key)
            .value();
    return {hash,
            {{"label", invoicing::invoice_label(hash, kind)},
             {"bolt11", bolt11},
             {"payment_hash", hash.hex()},
             {"status", "paid"},
             {"amount_msat", 20000},
             {"amount_received_msat", 20500}}};
}

RefundRefusal objection(const bj::value& listed, const PaymentHash& hash) {
    const auto read = read_deposit(listed, hash, keys);
    REQUIRE(read);
    REQUIRE(std::holds_alternative<Objection>(*read));
    CHECK_FALSE(std::get<Objection>(*read).detail.empty());
    return std::get<Objection>(*read).why;
}

TEST_CASE("a paid deposit counts with what it received") {
    const Row deposit = paid(Kind::deposit);
    const auto read = read_deposit(deposit.listed(), deposit.hash, keys);
    REQUIRE(read);
    CHECK(std::get<Msat>(*read) == Msat(20500));
}

TEST_CASE("what is no deposit of ours, or not paid, does not count") {
    const Row sale = paid(Kind::sale);
    CHECK(objection(sale.listed(), sale.hash) == RefundRefusal::not_a_deposit);
    // The label alone makes no deposit, nor does the secret alone, nor another node's.
    Row labelled = sale;
    labelled.row["label"] = invoicing::invoice_label(sale.hash, Kind::deposit);
    CHECK(objection(labelled.listed(), sale.hash) == RefundRefusal::not_a_deposit);
    Row deposit = paid(Kind::deposit);
    for (const bj::value& label :
         {bj::value("own"), bj::value(bj::string(invoicing::invoice_label(deposit.hash, Kind::sale)))}) {
        Row relabelled = deposit;
        relabelled.row["label"] = label;
        CHECK(objection(relabelled.listed(), deposit.hash) == RefundRefusal::not_a_deposit);
    }
    const auto foreign = read_deposit(deposit.listed(), deposit.hash, invoicing::InvoiceKeys(SecretKey{}));
    CHECK(std::get<Objection>(*foreign).why == RefundRefusal::not_a_deposit);
    Row without = deposit;
    without.row.erase("bolt11");
    CHECK(objection(without.listed(), deposit.hash) == RefundRefusal::not_a_deposit);
    CHECK(objection(bj::object{{"invoices", bj::array{}}}, deposit.hash) == RefundRefusal::not_settled);
    for (const char* status : {"unpaid", "expired"}) {
        deposit.row["status"] = status;
        CHECK(objection(deposit.listed(), deposit.hash) == RefundRefusal::not_settled);
    }
}

TEST_CASE("an answer of listinvoices that cannot be read is an error, not a refund") {
    const Row deposit = paid(Kind::deposit);
    CHECK_FALSE(read_deposit(bj::object{}, deposit.hash, keys));
    for (const char* member : {"label", "status", "amount_received_msat"}) {
        Row without = deposit;
        without.row.erase(member);
        CHECK_FALSE(read_deposit(without.listed(), deposit.hash, keys));
    }
}

bolt11::Invoice asking(std::optional<Msat> amount) {
    bolt11::Invoice invoice;
    invoice.currency = "bcrt";
    invoice.amount = amount;
    invoice.timestamp = now;
    invoice.payment_hash = PaymentHash(std::array<std::uint8_t, 32>{5});
    invoice.payment_secret = PaymentSecret(std::array<std::uint8_t, 32>{6});
    invoice.description = std::string("refund");
    return invoice;
}

std::string text_of(const bolt11::Invoice& invoice) {
    return bolt11::encode_signed(invoice, node_key).value();
}

TEST_CASE("an invoice may ask for no amount, for what is refunded, or for the whole satoshi of that") {
    struct Case {
        std::optional<Msat> amount;
        std::uint64_t asked;
        std::uint64_t gets;  // 0: refused
    };
    for (const Case& one :
         {Case{std::nullopt, 6789, 6789}, Case{Msat(6789), 6789, 6789}, Case{Msat(6000), 6789, 6000},
          Case{Msat(6000), 6000, 6000}, Case{Msat(5000), 6789, 0}, Case{Msat(7000), 6789, 0}, Case{Msat(6788), 6789, 0},
          Case{Msat(6790), 6789, 0}, Case{std::nullopt, 1, 1}, Case{Msat(1000), 999, 0}}) {
        CAPTURE(one.asked, one.gets);
        const auto read = read_payout({{}, Msat(one.asked), text_of(asking(one.amount))});
        if (one.gets == 0) {
            CHECK(std::get<Objection>(read).why == RefundRefusal::bad_invoice);
        } else {
            CHECK(std::get<Payout>(read).amount == Msat(one.gets));
        }
    }
}

TEST_CASE("an invoice of another network, of ourselves, expired, or with a bad signature is not paid") {
    const Payout payout = std::get<Payout>(read_payout({{}, Msat(1), text_of(asking(std::nullopt))}));
    const std::string other(66, '2');
    CHECK_FALSE(fault_of(payout, "bcrt", other, now));
    CHECK(fault_of(payout, "bc", other, now)->detail.find("another network") != std::string::npos);
    CHECK(fault_of(payout, "bcrt", payout.invoice.payee.hex(), now)->detail.find("own") != std::string::npos);
    CHECK_FALSE(fault_of(payout, "bcrt", other, now + std::chrono::seconds(3599)));
    CHECK(fault_of(payout, "bcrt", other, now + std::chrono::seconds(3600))->detail.find("expired") !=
          std::string::npos);
    const std::string unsigned_text = bolt11::encode_unsigned(asking(std::nullopt)).value();
    for (const std::string& text : {std::string("x"), std::string(), unsigned_text}) {
        CHECK(std::get<Objection>(read_payout({{}, Msat(1), text})).why == RefundRefusal::bad_invoice);
    }
}

std::string word(const Verdict& verdict) {
    if (const auto* done = std::get_if<Paid>(&verdict)) return "paid " + std::to_string(done->fee.value());
    return std::holds_alternative<NotPaid>(verdict) ? "not paid" : "pending";
}

TEST_CASE("what became of a payment follows from its parts, and a failure only once xpay has ended") {
    struct Case {
        const char* parts;
        bool over;
        std::optional<Msat> sent;
        const char* verdict;
    };
    const std::string complete = R"({"status":"complete","amount_sent_msat":503})";
    const std::string half = R"({"status":"complete","amount_sent_msat":502})";
    for (const Case& one : {
             Case{"", false, {}, "pending"},
             Case{"", true, {}, "not paid"},
             Case{R"({"status":"failed"})", false, {}, "pending"},
             Case{R"({"status":"failed"})", true, {}, "not paid"},
             Case{R"({"status":"pending"})", true, {}, "pending"},
             Case{R"({"status":"failed"},{"status":"complete","amount_sent_msat":1003})", false, {}, "paid 3"},
             Case{R"({"status":"complete","amount_sent_msat":503},{"status":"complete","amount_sent_msat":502})",
                  true,
                  {},
                  "paid 5"},
             Case{R"({"status":"complete","amount_sent_msat":503},{"status":"pending"})", true, Msat(1005), "pending"},
             Case{R"({"status":"complete","amount_sent_msat":503},{"status":"failed"})", true, {}, "paid 0"},
             Case{"", true, Msat(1003), "paid 3"},
         }) {
        CAPTURE(one.parts, one.over);
        const auto payment = read_payment(bj::parse(std::string(R"({"payments":[)") + one.parts + "]}"));
        REQUIRE(payment);
        CHECK(word(judge(*payment, Msat(1000), one.over, one.sent)) == one.verdict);
    }
    CHECK_FALSE(read_payment(bj::object{}));
    CHECK_FALSE(read_payment(bj::parse(R"({"payments":[{"status":"lost"}]})")));
    CHECK_FALSE(read_payment(bj::parse(R"({"payments":[{"status":"complete"}]})")));
}

}  // namespace
}  // namespace millrace::refunds
