#include "service/admin/describe.hpp"

#include <algorithm>

namespace millrace::admin {
namespace {

namespace json = boost::json;

std::int64_t number(store::Seconds time) {
    return time.time_since_epoch().count();
}

json::value text_or_null(const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
}

std::uint64_t left(std::uint64_t bought, std::uint64_t used) {
    return bought > used ? bought - used : 0;
}

// What a token has used, and what is left of what its service sells.
json::object describe_usage(const store::TokenFacts& facts, const config::Config& config) {
    const paywall::Usage& used = facts.usage->used;
    json::object out{{"uses", used.uses},    {"bytes", used.bytes},   {"spent_msat", used.spent_msat},
                     {"uses_left", nullptr}, {"bytes_left", nullptr}, {"balance_msat", nullptr}};
    auto service = std::find_if(config.services.begin(), config.services.end(), [&](const config::Service& one) {
        return one.seller().text() == facts.usage->service || one.name.text() == facts.usage->service;
    });
    if (service == config.services.end()) return out;
    // Of which tier it is stands in the token alone.
    config::Quota quota = service->tiers.empty() ? service->quota : config::Quota{};
    if (facts.grant && facts.grant->terms.uses) quota.uses = facts.grant->terms.uses;
    if (quota.uses) out["uses_left"] = left(*quota.uses, used.uses);
    if (quota.bytes) out["bytes_left"] = left(*quota.bytes, used.bytes);
    if (quota.credit) {
        Msat bought = facts.settlement ? std::min(*quota.credit, facts.settlement->amount) : *quota.credit;
        out["balance_msat"] = left(bought.value(), used.spent_msat);
    }
    return out;
}

std::string csv_text(const std::string& text) {
    bool formula = !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
    std::string out = formula ? "\"'" : "\"";
    for (char c : text) out.append(c == '"' ? 2 : 1, c);
    return out + '"';
}

}  // namespace

json::object describe(const store::SettlementRow& row) {
    return {{"payment_hash", row.payment_hash.hex()},
            {"service", row.service},
            {"amount_msat", row.amount.value()},
            {"amount_received_msat", row.amount_received.value()},
            {"settled_at", number(row.settled_at)},
            {"description", row.description},
            {"node_id", row.node_id},
            {"pay_index", row.pay_index}};
}

json::object describe(const store::SessionRow& row) {
    json::object out{{"session", row.session.hex()},
                     {"service", row.service},
                     {"scope", row.scope},
                     {"state", row.closed_at ? "closed" : "open"},
                     {"deposit_msat", row.deposit.value()},
                     {"deposits", row.deposits},
                     {"spent_msat", row.spent.value()},
                     {"opened_at", number(row.opened_at)},
                     {"used_at", number(row.used_at)},
                     {"closed_at", nullptr},
                     {"closed_by", text_or_null(row.closed_by)},
                     {"refund", nullptr}};
    if (row.closed_at) {
        out["closed_at"] = number(*row.closed_at);
        out["refund"] = json::object{{"state", row.refund_state},
                                     {"amount_msat", row.refund.value()},
                                     {"fee_msat", row.refund_fee.value()},
                                     {"reason", text_or_null(row.refund_reason)},
                                     {"invoice", row.return_invoice}};
    }
    return out;
}

json::object describe(const store::StatsRow& row) {
    return {{"start", number(row.start)},   {"service", row.service},
            {"count", row.count},           {"amount_received_msat", row.received.value()},
            {"first_uses", row.first_uses}, {"grants", row.grants}};
}

json::object describe(const store::AuditRow& row) {
    return {{"id", row.id},
            {"at", number(row.entry.at)},
            {"role", row.entry.role},
            {"action", row.entry.action},
            {"subject", row.entry.subject},
            {"detail", row.entry.detail}};
}

json::object describe(const store::TokenGrant& grant) {
    json::object out{{"payment_hash", grant.hash.hex()},
                     {"token_id", grant.token_id.hex()},
                     {"service", grant.service},
                     {"route", text_or_null(grant.route)},
                     {"uses", nullptr},
                     {"granted_at", number(grant.granted_at)},
                     {"ends_at", nullptr},
                     {"reason", grant.reason}};
    if (grant.terms.uses) out["uses"] = *grant.terms.uses;
    if (grant.terms.ends_at) out["ends_at"] = number(*grant.terms.ends_at);
    return out;
}

json::object describe(const store::TokenRow& row) {
    json::object out{{"payment_hash", row.hash.hex()},
                     {"token_id", nullptr},
                     {"service", row.first_use.service},
                     {"first_used_at", number(row.first_use.at)},
                     {"granted", row.granted},
                     {"revoked", row.revoked},
                     {"uses", nullptr},
                     {"bytes", nullptr},
                     {"spent_msat", nullptr}};
    if (row.first_use.token_id) out["token_id"] = row.first_use.token_id->hex();
    if (row.usage) {
        out["uses"] = row.usage->used.uses;
        out["bytes"] = row.usage->used.bytes;
        out["spent_msat"] = row.usage->used.spent_msat;
    }
    return out;
}

json::object describe(const PaymentHash& hash, const store::TokenFacts& facts, const config::Config& config) {
    json::object out{{"payment_hash", hash.hex()}, {"service", nullptr},
                     {"token_id", nullptr},        {"settlement", nullptr},
                     {"grant", nullptr},           {"first_used_at", nullptr},
                     {"first_used_for", nullptr},  {"usage", nullptr},
                     {"charge", nullptr},          {"revoked", facts.revocation.has_value()},
                     {"revocation", nullptr}};
    if (facts.grant) {
        out["grant"] = describe(*facts.grant);
        out["service"] = facts.grant->service;
        out["token_id"] = facts.grant->token_id.hex();
    }
    if (facts.first_use && facts.first_use->token_id) out["token_id"] = facts.first_use->token_id->hex();
    if (facts.usage) out["usage"] = describe_usage(facts, config);
    if (facts.charge)
        out["charge"] = json::object{
            {"service", facts.charge->service}, {"at", number(facts.charge->at)}, {"replays", facts.charge->replays}};
    if (facts.first_use) {
        out["first_used_at"] = number(facts.first_use->at);
        out["first_used_for"] = facts.first_use->service;
        if (!facts.grant) out["service"] = facts.first_use->service;
    }
    if (facts.settlement) {
        out["settlement"] = describe(*facts.settlement);
        if (!facts.settlement->service.empty()) out["service"] = facts.settlement->service;
    }
    if (facts.revocation)
        out["revocation"] = json::object{{"reason", facts.revocation->reason}, {"at", number(facts.revocation->at)}};
    return out;
}

json::object describe(const gateway::OpenInvoices& open, const std::optional<std::string>& service, std::size_t limit,
                      gateway::OpenInvoices::Time now) {
    auto unix_time = [](gateway::OpenInvoices::Time time) {
        return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
    };
    json::array sums;
    std::size_t count = 0;
    for (const auto& [name, sum] : open.by_service(now)) {
        if (service && name != *service) continue;
        sums.push_back(json::object{{"service", name}, {"count", sum.count}, {"amount_msat", sum.amount_msat}});
        count += sum.count;
    }
    json::array newest;
    for (const auto& [hash, invoice] : open.newest(limit, now, service)) {
        newest.push_back(json::object{{"payment_hash", hash.hex()},
                                      {"service", invoice.service},
                                      {"amount_msat", invoice.amount.value()},
                                      {"issued_at", unix_time(invoice.issued_at)},
                                      {"expires_at", unix_time(invoice.expires_at)}});
    }
    return {{"count", count}, {"services", std::move(sums)}, {"challenges", std::move(newest)}};
}

std::string to_csv(const std::vector<store::SettlementRow>& rows) {
    std::string out =
        "payment_hash,service,amount_msat,amount_received_msat,settled_at,description,node_id,pay_index\r\n";
    for (const store::SettlementRow& row : rows) {
        out += row.payment_hash.hex() + ',' + csv_text(row.service) + ',' + std::to_string(row.amount.value()) + ',' +
               std::to_string(row.amount_received.value()) + ',' + std::to_string(number(row.settled_at)) + ',' +
               csv_text(row.description) + ',' + csv_text(row.node_id) + ',' + std::to_string(row.pay_index) + "\r\n";
    }
    return out;
}

}  // namespace millrace::admin
