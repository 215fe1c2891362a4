// Payment credentials: the input is the value of an Authorization field, or, where it begins with "{", the JSON in it.
// None is good under a key that did not make it, and what is good is so for its own service, realm and price alone, as a charge or as
// a session.
#include "common/payment/credential.hpp"

#include <string>

#include "common/codec/base64.hpp"
#include "common/payment/charge.hpp"
#include "common/payment/return_invoice.hpp"
#include "common/payment/session.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace millrace {
namespace {

using namespace payment;

const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000));

void check(const Credential& credential) {
    l402::KeyRing keys;
    keys.keys.emplace(0, SecretKey{});
    const ChargeVerdict verdict = verify_charge(credential, {keys, "localhost", "weather", Msat(1000), now});
    const bool expired = verdict.refusal == ChargeRefusal::expired;
    FUZZ_REQUIRE(verdict.proof.has_value() == (!verdict.refusal || expired));
    FUZZ_REQUIRE(!verify_charge(credential, {l402::KeyRing{}, "localhost", "weather", Msat(1), now}).proof);
    if (!verdict.proof) return;
    FUZZ_REQUIRE(!verify_charge(credential, {keys, "localhost", "maps", Msat(1000), now}).proof);
    FUZZ_REQUIRE(!verify_charge(credential, {keys, "other", "weather", Msat(1000), now}).proof);
    const Msat dearer(verdict.proof->price.value() + 1);
    FUZZ_REQUIRE(!verify_charge(credential, {keys, "localhost", "weather", dearer, now}).proof);
    Credential changed = credential;
    changed.challenge.expires += "0";
    FUZZ_REQUIRE(!verify_charge(changed, {keys, "localhost", "weather", Msat(1000), now}).proof);
}

void check_session(const Credential& credential) {
    l402::KeyRing keys;
    keys.keys.emplace(0, SecretKey{});
    const SessionVerdict verdict = verify_session(credential, {keys, "localhost", "weather", Msat(1000), now});
    const bool expired = verdict.refusal == SessionRefusal::expired;
    FUZZ_REQUIRE(verdict.proof.has_value() == (!verdict.refusal || expired));
    FUZZ_REQUIRE(!verify_session(credential, {l402::KeyRing{}, "localhost", "weather", Msat(1), now}).proof);
    if (const Result<SessionPayload> payload = parse_session_payload(credential.payload))
        FUZZ_REQUIRE(payload->return_invoice.empty() || payload->action == SessionAction::open);
    const ReturnInvoiceFacts node{Network::regtest, "", now};
    if (const boost::json::value* invoice = credential.payload.if_contains("returnInvoice");
        invoice && invoice->is_string())
        (void)check_return_invoice(std::string_view(invoice->get_string()), node);
    if (!verdict.proof) return;
    FUZZ_REQUIRE(!verify_session(credential, {keys, "localhost", "maps", Msat(1000), now}).proof);
    FUZZ_REQUIRE(!verify_session(credential, {keys, "other", "weather", Msat(1000), now}).proof);
    // No credential is a charge and a session.
    FUZZ_REQUIRE(!verify_charge(credential, {keys, "localhost", "weather", Msat(1000), now}).proof);
}

}  // namespace
}  // namespace millrace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace millrace;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    std::string value(text);
    if (text.starts_with('{')) value = "Payment " + codec::to_base64url(as_bytes(text));
    const Result<payment::Credential> credential = payment::parse_credential(value);
    if (!credential) {
        FUZZ_REQUIRE(is(credential.error(), payment::Errc::malformed_credential));
        return 0;
    }
    FUZZ_REQUIRE(payment::is_payment_authorization(value));
    FUZZ_REQUIRE(!credential->challenge.id.empty());
    check(*credential);
    check_session(*credential);
    return 0;
}
