#include "plugin/invoicing/settlement_record.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "plugin/invoicing/invoice.hpp"
#include "plugin/invoicing/label.hpp"
#include "tests/unit/catch.hpp"

namespace millrace::invoicing {
namespace {

const InvoiceKeys keys{SecretKey(std::array<std::uint8_t, 32>{7})};

struct Paid {
    PaymentHash hash;
    boost::json::object row;
};

Paid paid_row() {
    const std::chrono::sys_seconds now{std::chrono::seconds(1795172000)};
    const Terms terms{Msat(1234), now + std::chrono::seconds(600),       21,
                      1,          ServiceName::parse("weather").value(), Kind::sale};
    const PaymentSecret secret = keys.seal(terms, {1, 2, 3, 4, 5, 6}).value();
    const PaymentHash hash = crypto::payment_hash(keys.preimage(secret, Kind::sale));
    const SecretKey node(std::array<std::uint8_t, 32>{1});
    const std::string bolt11 =
        bolt11::encode_signed(make_invoice({"bcrt", {}, 21}, terms, secret, hash, "forecast", {}, now), node).value();
    return {hash,
            {{"label", invoice_label(hash, Kind::sale)},
             {"bolt11", bolt11},
             {"payment_hash", hash.hex()},
             {"amount_msat", 1234},
             {"status", "paid"},
             {"pay_index", 4},
             {"amount_received_msat", 1300},
             {"paid_at", 1795172759},
             {"payment_preimage", std::string(64, '0')},
             {"description", "forecast"},
             {"expires_at", 1795173359}}};
}

TEST_CASE("a paid row of ours is a settlement, with the service out of its payment secret") {
    const Paid paid = paid_row();
    const auto record = parse_paid_invoice(paid.row, keys);
    REQUIRE(record);
    REQUIRE(record->settlement);
    CHECK(
        boost::json::serialize(to_json(*record->settlement)) ==
        R"({"payment_hash":")" + paid.hash.hex() + R"(","label":"millrace-)" + paid.hash.hex() +
            R"(","amount_msat":1234,"amount_received_msat":1300,"settled_at":1795172759,"service":"weather","description":"forecast","pay_index":4})");
}

TEST_CASE("a paid deposit says that it is one") {
    boost::json::object row = paid_row().row;
    const auto hash = PaymentHash::from_hex(std::string(row["payment_hash"].as_string())).value();
    row["label"] = invoice_label(hash, Kind::deposit);
    const auto record = parse_paid_invoice(row, keys);
    REQUIRE(record);
    REQUIRE(record->settlement);
    CHECK(record->settlement->deposit);
    CHECK(record->settlement->label == "millrace-deposit-" + hash.hex());
    CHECK_FALSE(parse_paid_invoice(paid_row().row, keys)->settlement->deposit);
}

TEST_CASE("a paid row of somebody else counts only its index") {
    boost::json::object row = paid_row().row;
    for (const char* label : {"own", "millrace-", "millrace-0000", "millrace-deposit-0000"}) {
        row["label"] = label;
        const auto record = parse_paid_invoice(row, keys);
        REQUIRE(record);
        CHECK(record->pay_index == 4);
        CHECK_FALSE(record->settlement);
    }
}

TEST_CASE("a row whose invoice tells nothing has no service") {
    for (const char* bolt11 : {"", "lnbcrt1nonsense"}) {
        boost::json::object row = paid_row().row;
        row["bolt11"] = bolt11;
        CHECK(parse_paid_invoice(row, keys).value().settlement->service.empty());
    }
    CHECK(parse_paid_invoice(paid_row().row, InvoiceKeys(SecretKey{})).value().settlement->service.empty());
    boost::json::object row = paid_row().row;
    row.erase("bolt11");
    row.erase("description");
    CHECK(parse_paid_invoice(row, keys).value().settlement->service.empty());
}

TEST_CASE("what is no paid row is an error") {
    for (const char* member : {"pay_index", "paid_at", "amount_received_msat", "payment_hash", "label"}) {
        INFO(member);
        boost::json::object row = paid_row().row;
        row.erase(member);
        CHECK_FALSE(parse_paid_invoice(row, keys));
    }
}

}  // namespace
}  // namespace millrace::invoicing
