#include "common/payment/return_invoice.hpp"

#include <functional>

#include "common/bolt11/invoice.hpp"
#include "tests/unit/catch.hpp"

namespace millrace::payment {
namespace {

using namespace std::chrono_literals;

const std::chrono::sys_seconds issued{1'700'000'000s};

struct World {
    bolt11::Invoice invoice;
    ReturnInvoiceFacts facts{Network::regtest, "", issued + 1s, 300s};

    World() {
        invoice.currency = "bcrt";
        invoice.timestamp = issued;
        invoice.description = std::string("refund");
        invoice.expiry = 3600s;
        invoice.features = {0x41, 0x00};  // payment_secret, var_onion
    }
    [[nodiscard]] std::string text() const {
        return bolt11::encode_signed(invoice, SecretKey::from_hex(std::string(64, '3')).value()).value();
    }
};

TEST_CASE("What is left is paid to an invoice without an amount that can still be paid") {
    World world;
    CHECK(check_return_invoice(world.text(), world.facts));
    world.facts.now = issued + 3600s - 300s;
    CHECK(check_return_invoice(world.text(), world.facts));
}

TEST_CASE("Every other return invoice is refused, and it is said why") {
    struct Case {
        const char* why;
        std::function<void(World&, std::string&)> change;
    };
    const Case cases[] = {
        {"invoice", [](World&, std::string& text) { text = "lnbcrt1nonsense"; }},
        {"invoice", [](World&, std::string& text) { text.back() = text.back() == 'q' ? 'p' : 'q'; }},
        {"states an amount",
         [](World& world, std::string& text) {
             world.invoice.amount = Msat(1);
             text = world.text();
         }},
        {"another network",
         [](World& world, std::string& text) {
             world.invoice.currency = "bc";
             text = world.text();
         }},
        {"another network", [](World& world, std::string&) { world.facts.network = Network::signet; }},
        {"has expired", [](World& world, std::string&) { world.facts.now = issued + 3600s; }},
        {"expires too early", [](World& world, std::string&) { world.facts.now = issued + 3301s; }},
    };
    for (const Case& one : cases) {
        CAPTURE(one.why);
        World world;
        std::string text = world.text();
        one.change(world, text);
        const Result<void> checked = check_return_invoice(text, world.facts);
        REQUIRE_FALSE(checked);
        CHECK(is(checked.error(), Errc::bad_return_invoice));
        CHECK(checked.error().message.find(one.why) != std::string::npos);
    }
}

TEST_CASE("The node that pays is not paid by itself") {
    World world;
    const std::string text = world.text();
    const std::string payee = bolt11::decode(text)->payee.hex();
    world.facts.node_id = payee;
    CHECK_FALSE(check_return_invoice(text, world.facts));
}

}  // namespace
}  // namespace millrace::payment
