// What tests of service/admit stand on: one service, one request, the books of a process, and steps as text. No socket,
// no store, no clock.
#pragma once

#include <map>
#include <set>

#include "common/codec/base64.hpp"
#include "common/l402/credential.hpp"
#include "service/admit/price.hpp"
#include "service/admit/scheme.hpp"
#include "tests/unit/service/paywall/admission_world.hpp"

namespace millrace::test {

struct KnownPayments final : admit::Known {
    std::map<PaymentHash, paywall::PaymentFacts> payments;
    std::chrono::sys_seconds ended = std::chrono::sys_seconds::min();
    std::set<PaymentHash> told_paid;
    std::optional<payment::Network> node_network = payment::Network::regtest;
    bool open = true;

    paywall::PaymentFacts facts(const PaymentHash& hash) const override {
        const auto found = payments.find(hash);
        return found == payments.end() ? paywall::PaymentFacts{} : found->second;
    }
    std::chrono::sys_seconds ended_before(std::string_view) const override { return ended; }
    void paid(const PaymentHash& hash) override { told_paid.insert(hash); }
    std::optional<payment::Network> network() const override { return node_network; }
    std::string node_id() const override { return {}; }
    bool sells() const override { return open; }
};

// A request for "weather" at api.example.com, which costs 1,000 msat.
struct AdmitWorld : Fixture {
    config::Config config;
    paywall::DecidingFields deciding;
    http::RequestReader reader;
    std::string head_text;
    paywall::RequestTarget target;
    std::string room;
    const l402::KeyRing* keys = &ring;
    std::chrono::sys_seconds now = noon;
    KnownPayments known;
    paywall::Ledger ledger;
    paywall::FreeLedger free_ledger{SecretKey(std::array<std::uint8_t, 32>{9})};
    paywall::WorkDesk work{SecretKey(std::array<std::uint8_t, 32>{10})};
    paywall::SessionBook sessions{[] { return std::chrono::steady_clock::time_point(1s); }};
    limits::UseLimits use_limits;
    std::vector<l402::HeaderField> fields;
    admit::RequestFacts request;
    admit::Pass pass;  // gives back to the ledgers

    AdmitWorld() {
        config.services.push_back(test::service("weather", std::nullopt));
        config.services[0].upstream.addresses.emplace_back();
    }
    config::Service& sold_service() { return config.services[0]; }

    // The request as it is routed. A problem where it cannot be priced.
    std::optional<http::Problem> ask(const std::string& line = "GET /x", const std::string& lines = "") {
        head_text = line + " HTTP/1.1\r\nHost: api.example.com\r\n" + lines + "\r\n";
        REQUIRE_FALSE(reader.parse(std::string_view(head_text), {8192, 4096}));
        REQUIRE(paywall::parse_target(reader.head().target, target) == nullptr);
        deciding = paywall::DecidingFields(sold_service());
        const paywall::Access access = request.match.access;
        const std::optional<std::size_t> route = request.match.route;
        request = {};
        pass.own_lines.clear();
        pass.receipt.clear();
        request.config = &config;
        request.deciding = &deciding;
        request.head = &reader.head();
        request.target = &target;
        request.host = "api.example.com";
        request.match = {0, access, route};
        request.client = limits::parse_address("192.0.2.1").value();
        pass.room = &room;
        admit::find_credential_fields(reader.head(), fields);
        return admit::find_price(request);
    }

    admit::Books books() {
        return {keys, now, now, limits::Clock::time_point(1s), known, ledger, free_ledger, work, sessions, use_limits};
    }

    std::unique_ptr<admit::Scheme> scheme() { return admit::scheme_for(request, pass, fields); }
    // The first step of the scheme that the request's credential stands for, and the last one where every price is known.
    std::string begin() {
        current = scheme();
        return say(current->begin(books()));
    }
    std::string go_on(admit::Answer answer) { return say(current->go_on(books(), std::move(answer))); }
    std::string priced() { return go_on(admit::PriceLearned{}); }

    std::string say(admit::Step step) {
        last = std::move(step);
        std::string out = std::visit([this](const auto& what) { return text_of(what); }, last.what);
        if (last.counted) out += ", counted " + std::to_string(static_cast<int>(*last.counted));
        return out;
    }

    std::string authorization(const l402::Credential& credential) const {
        return "Authorization: " +
               l402::authorization_value(codec::to_base64(macaroon::encode_v2(credential.macaroon)),
                                         credential.preimage) +
               "\r\n";
    }

    admit::Step last;
    std::unique_ptr<admit::Scheme> current;

  private:
    static std::string text_of(const admit::LearnPrice& ask) { return "price in tier " + std::to_string(ask.tier); }
    static std::string text_of(const admit::RecordFirstUse& ask) {
        return ask.wait ? "record first use" : "note first use";
    }
    static std::string text_of(const admit::UseCharge& ask) {
        return std::string("use charge") + (ask.use.repeatable ? "" : " once") +
               (ask.use.paid_in_time ? " paid in time" : "");
    }
    static std::string text_of(const admit::OpenSession& ask) { return "open in " + ask.open.scope; }
    static std::string text_of(const admit::TopUpSession& ask) { return "top up in " + ask.top_up.scope; }
    static std::string text_of(const admit::CloseSession& ask) {
        return "close by " + std::string(paywall::name(ask.close.by)) + (ask.wait ? "" : " some time");
    }
    static std::string text_of(const admit::LetIn&) { return "let in"; }
    static std::string text_of(const admit::LetInOnTrial& end) {
        return "on trial: " + std::string(end.reason ? paywall::name(*end.reason) : "undecided");
    }
    static std::string text_of(const admit::Demand& end) {
        return std::string("demand") + (end.worked ? " for work: " : ": ") +
               std::string(end.words ? end.words->reason : paywall::name(end.reason));
    }
    static std::string text_of(const admit::Refuse& end) {
        return std::to_string(end.why.status()) + ' ' + std::string(end.why.reason);
    }
    static std::string text_of(const admit::NotForSale& end) { return "401 " + std::string(paywall::name(end.reason)); }
    static std::string text_of(const admit::Say& end) { return "say " + std::to_string(end.problem.status); }
    static std::string text_of(const admit::Reply& end) { return "reply " + std::to_string(end.reply.status); }
};

inline std::string counted(paywall::AuthResult result) {
    return ", counted " + std::to_string(static_cast<int>(result));
}

}  // namespace millrace::test
