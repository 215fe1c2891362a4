// What the client's tests share: a shop that issues real challenges, and a node that pays them in memory.
#pragma once

#include <map>
#include <set>
#include <string>

#include "common/bolt11/invoice.hpp"
#include "common/codec/base64.hpp"
#include "common/l402/challenge.hpp"
#include "common/l402/token.hpp"
#include "common/payment/charge.hpp"
#include "contrib/client/purchase.hpp"

namespace millrace::client::test {

constexpr TimePoint start{std::chrono::seconds{1'800'000'000}};

inline SecretKey test_key(std::uint8_t fill) {
    std::array<std::uint8_t, 32> bytes;
    bytes.fill(fill);
    return SecretKey(bytes);
}

inline Preimage preimage_of(std::uint8_t number) {
    std::array<std::uint8_t, 32> bytes;
    bytes.fill(number);
    return Preimage(bytes);
}

struct ChallengeParts {
    std::uint8_t number = 1;  // makes the preimage
    std::string service = "weather";
    std::optional<Msat> amount = Msat(1000);
    TimePoint timestamp = start;
    std::chrono::seconds expiry{600};
    std::string currency = "bcrt";
    unsigned tier = 0;
    bool other_hash = false;  // the invoice pays another hash than the token's
};

inline std::string invoice_of(const ChallengeParts& parts) {
    const PaymentHash hash = crypto::payment_hash(preimage_of(parts.number));
    bolt11::Invoice invoice;
    invoice.currency = parts.currency;
    invoice.amount = parts.amount;
    invoice.timestamp = parts.timestamp;
    invoice.expiry = parts.expiry;
    invoice.payment_hash = parts.other_hash ? crypto::payment_hash(preimage_of(0xEE)) : hash;
    invoice.description = std::string("test");
    invoice.features = {0x02, 0x02, 0x41, 0x00};
    return bolt11::encode_signed(invoice, test_key(9)).value();
}

inline std::vector<std::string> challenge(const ChallengeParts& parts) {
    const PaymentHash hash = crypto::payment_hash(preimage_of(parts.number));
    l402::Identifier identifier;
    identifier.payment_hash = hash;
    auto token = l402::mint(test_key(7), identifier, ServiceName::parse(parts.service).value(),
                            {.price = parts.amount.value_or(Msat(1))});
    if (parts.tier > 0) token.add_first_party_caveat("services=" + parts.service + ":" + std::to_string(parts.tier));
    return l402::challenge_lines(codec::to_base64(macaroon::encode_v2(token)), invoice_of(parts));
}

inline payment::Challenge charge_of(const ChallengeParts& parts) {
    l402::KeyRing keys;
    keys.keys.emplace(l402::KeyEpoch{0}, test_key(7));
    const std::string invoice = invoice_of(parts);
    return payment::charge_challenge(keys, {"localhost", parts.service, parts.amount.value_or(Msat(1)), "", invoice,
                                            crypto::payment_hash(preimage_of(parts.number)), payment::Network::regtest,
                                            parts.timestamp + parts.expiry});
}

inline std::vector<std::string> charge(const ChallengeParts& parts) {
    return {payment::challenge_line(charge_of(parts))};
}

// The server's side: every request without a good token gets a new challenge.
struct Shop {
    std::uint8_t issued = 0;
    std::set<PaymentHash> good;  // tokens that are accepted
    std::string refusal = "expired";
    enum class Sells { l402, payment, both } sells = Sells::l402;         // what it offers
    enum class Takes { all, l402, payment, nothing } takes = Takes::all;  // what it honours

    [[nodiscard]] bool honours(const SendRequest& send) const {
        if (!send.token || !good.contains(send.token->payment_hash)) return false;
        if (takes == Takes::all) return true;
        return takes == (send.scheme == Scheme::l402 ? Takes::l402 : Takes::payment);
    }

    Response answer(TimePoint now, const SendRequest& send) {
        if (honours(send)) return {200, {}, {}};
        ChallengeParts parts;
        parts.number = ++issued;
        parts.timestamp = now;
        std::vector<std::string> lines;
        if (sells != Sells::payment) lines = challenge(parts);
        if (sells != Sells::l402) lines.push_back(charge(parts).front());
        return {402, lines, send.token ? refusal : ""};
    }
};

// The node's side: pays each hash at most once, as lightningd does.
struct Node {
    std::map<PaymentHash, Preimage> paid;
    std::map<PaymentHash, unsigned> sent;  // payments that left the node, by hash

    PayOutcome pay(Shop& shop, const Pending& pending) {
        if (paid.contains(pending.payment_hash)) return PayRefused{"Already paid this invoice successfully (code 219)"};
        for (std::uint8_t number = 1; number <= shop.issued; ++number) {
            const Preimage preimage = preimage_of(number);
            if (crypto::payment_hash(preimage) != pending.payment_hash) continue;
            ++sent[pending.payment_hash];
            paid[pending.payment_hash] = preimage;
            shop.good.insert(pending.payment_hash);
            return Paid{preimage, Msat(pending.amount.value() + 3)};
        }
        return PayRefused{"No route (code 205)"};
    }

    Payments records(const PaymentHash& hash) const {
        Payments payments;
        if (auto found = paid.find(hash); found != paid.end()) {
            payments.preimage = found->second;
            payments.sent = Msat(1003);
        }
        return payments;
    }
};

}  // namespace millrace::client::test
