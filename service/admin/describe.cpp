#include "service/admin/describe.hpp"

#include <algorithm>
#include <map>

#include "service/config/definition.hpp"
#include "service/config/read_paths.hpp"

namespace millrace::admin {
namespace {

namespace json = boost::json;

std::int64_t number(store::Seconds time) {
    return time.time_since_epoch().count();
}

template <class Items, class Get>
json::array list(const Items& items, Get get) {
    json::array out;
    for (const auto& item : items) out.emplace_back(get(item));
    return out;
}

json::array paths(const std::vector<config::PathPattern>& patterns) {
    return list(patterns, [](const config::PathPattern& one) { return one.text(); });
}

json::array texts(const std::vector<std::string>& items) {
    return list(items, [](const std::string& one) { return one; });
}

json::value msat_or_null(const std::optional<Msat>& amount) {
    return amount ? json::value(amount->value()) : json::value(nullptr);
}

json::value text_or_null(const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
}

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

json::value rate_or_null(const std::optional<limits::Rate>& rate) {
    if (!rate) return nullptr;
    return json::object{{"count", rate->count}, {"seconds", seconds(rate->time)}};
}

json::object describe_route(const config::Route& route) {
    return {{"name", route.name},
            {"path", text_or_null(route.path.text())},
            {"methods", texts(route.methods.names)},
            {"price_msat", msat_or_null(route.price)},
            {"per_kib_msat", msat_or_null(route.per_kib)},
            {"per_unit_msat", msat_or_null(route.per_unit)},
            {"unit_header", text_or_null(route.unit_header)},
            {"max_units", route.max_units},
            {"scope", route.own_tokens ? "route" : "service"},
            {"capability", text_or_null(route.capability)},
            {"min_tier", route.min_tier}};
}

json::object describe_tls(const config::UpstreamTls& tls) {
    return {{"ca", text_or_null(tls.authorities.string())},
            {"cert", text_or_null(tls.certificate.string())},
            {"key", text_or_null(tls.key.string())},
            {"sni", text_or_null(tls.server_name)},
            {"verify", tls.verify}};
}

void describe_upstream(const config::Upstream& upstream, json::object& out) {
    out["upstream"] = list(upstream.addresses, [](const config::UpstreamAddress& one) { return one.url(); });
    out["health"] = nullptr;
    if (upstream.health)
        out["health"] = json::object{{"path", upstream.health->path},
                                     {"interval", seconds(upstream.health->interval)},
                                     {"timeout", seconds(upstream.health->timeout)}};
    out["upstream_tls"] = describe_tls(upstream.tls);
    out["upstream_headers"] = list(upstream.headers, [](const config::UpstreamHeader& one) { return one.name; });
    out["rewrite"] = nullptr;
    if (upstream.rewrite)
        out["rewrite"] = json::object{{"strip", upstream.rewrite->strip}, {"prefix", upstream.rewrite->prefix}};
}

json::value describe_pricer(const std::optional<config::Pricer>& pricer) {
    if (!pricer) return nullptr;
    return json::object{
        {"url", pricer->url()},
        {"timeout", seconds(pricer->timeout)},
        {"cache", seconds(pricer->cache)},
        {"fallback_msat", msat_or_null(pricer->fallback)},
        {"min_msat", pricer->min.value()},
        {"max_msat", pricer->max.value()},
        {"facts", texts(pricer->facts)},
        {"headers", texts(pricer->headers)},
        {"calls", pricer->calls},
        {"tls", describe_tls(pricer->upstream.tls)},
        {"send", list(pricer->upstream.headers, [](const config::UpstreamHeader& one) { return one.name; })}};
}

json::object describe_tier(const config::Tier& tier) {
    return {{"name", tier.name},
            {"tier", tier.number},
            {"price_msat", msat_or_null(tier.price)},
            {"timeout", tier.timeout ? json::value(tier.timeout->count()) : json::value(nullptr)},
            {"uses", tier.quota.uses ? json::value(*tier.quota.uses) : json::value(nullptr)},
            {"bytes", tier.quota.bytes ? json::value(*tier.quota.bytes) : json::value(nullptr)},
            {"credit_msat", msat_or_null(tier.quota.credit)},
            {"capabilities", texts(tier.capabilities)}};
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

std::string_view word(config::WorkBuys buys) {
    switch (buys) {
        case config::WorkBuys::invoice:
            return "invoice";
        case config::WorkBuys::request:
            return "request";
        case config::WorkBuys::nothing:
            break;
    }
    return "off";
}

json::value describe_allowance(const config::Service& service) {
    if (!service.free_allowance) return nullptr;
    const config::FreeAllowance& allowance = *service.free_allowance;
    return json::object{{"requests", allowance.requests},
                        {"per", allowance.per.count()},
                        {"max_price_msat", msat_or_null(allowance.max_price)},
                        {"max_prefixes", allowance.max_prefixes}};
}

}  // namespace

json::object describe(const config::Service& service) {
    json::object out{{"name", service.name.text()},
                     {"host", service.host.written()},
                     {"path", service.path.text()},
                     {"methods", texts(service.methods.names)}};
    describe_upstream(service.upstream, out);
    out["price_msat"] = service.price.value();
    out["timeout"] = service.timeout ? json::value(service.timeout->count()) : json::value(nullptr);
    out["free"] = paths(service.free);
    out["auth_only"] = paths(service.auth_only);
    out["description"] = service.description ? json::value(*service.description) : json::value(nullptr);
    out["realm"] = service.realm ? json::value(service.realm->text()) : json::value(nullptr);
    out["cors"] = texts(service.cors);
    out["dry_run"] = service.dry_run;
    out["pay_page"] = service.pay_page;
    out["hidden"] = service.hidden;
    out["options"] = service.forward_options ? "forward" : "answer";
    json::array schemes;
    if (service.schemes.l402) schemes.emplace_back("l402");
    if (service.schemes.payment) schemes.emplace_back("payment");
    out["schemes"] = std::move(schemes);
    out["lsat"] = service.schemes.l402 && service.schemes.lsat;
    out["session"] = nullptr;
    if (service.sessions)
        out["session"] = json::object{{"deposit_msat", service.sessions->deposit.value()},
                                      {"idle_timeout", service.sessions->idle_timeout.count()},
                                      {"offer", config::name(service.sessions->offer)},
                                      {"event_msat", msat_or_null(service.sessions->event)},
                                      {"hold", seconds(service.sessions->hold)}};
    out["uses"] = service.quota.uses ? json::value(*service.quota.uses) : json::value(nullptr);
    out["bytes"] = service.quota.bytes ? json::value(*service.quota.bytes) : json::value(nullptr);
    out["credit_msat"] = msat_or_null(service.quota.credit);
    out["cost_header"] = text_or_null(service.cost_header);
    out["max_cost_msat"] = msat_or_null(service.max_cost);
    out["durability"] = service.lease_uses > 0 ? "lease" : "each";
    out["lease_uses"] = service.lease_uses > 0 ? json::value(service.lease_uses) : json::value(nullptr);
    out["pricer"] = describe_pricer(service.pricer);
    out["paths"] = json::object{{"parameters", config::name(service.paths.parameters)},
                                {"case", service.paths.fold_case ? "fold" : "keep"},
                                {"slash", service.paths.ignore_slash ? "ignore" : "keep"}};
    out["unmatched"] = service.refuses_unmatched ? "refuse" : "sell";
    out["tiers"] = list(service.tiers, describe_tier);
    out["free_allowance"] = describe_allowance(service);
    out["pow"] = word(service.work_buys);
    out["limits"] = json::object{{"per_token", rate_or_null(service.limits.per_token)},
                                 {"per_prefix", rate_or_null(service.limits.per_prefix)},
                                 {"in_all", rate_or_null(service.limits.in_all)}};
    out["routes"] = list(service.routes, describe_route);
    return out;
}

json::object describe_whole(const config::Service& service, const std::string& file) {
    json::object out = describe(service);
    if (!service.origin) return out;
    out["definition"] = service.origin->definition;
    out["version"] = config::version_of(service.origin->definition);
    if (const auto& stored = service.origin->stored)
        out["origin"] = json::object{{"kind", "stored"},
                                     {"place", stored->in_front ? "in front of the file" : "behind the file"},
                                     {"created_at", number(stored->created_at)},
                                     {"updated_at", number(stored->updated_at)}};
    else
        out["origin"] = json::object{{"kind", "file"}, {"file", file}, {"line", service.line}};
    return out;
}

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

json::object compare(const std::vector<config::Service>& before, const std::vector<config::Service>& after) {
    std::map<std::string, const config::Service*> old;
    for (const config::Service& service : before) old.emplace(service.name.text(), &service);
    json::array added;
    json::array removed;
    json::array changed;
    for (const config::Service& service : after) {
        auto known = old.find(service.name.text());
        if (known == old.end()) {
            added.emplace_back(service.name.text());
            continue;
        }
        bool same = describe(*known->second) == describe(service) &&
                    known->second->upstream.headers == service.upstream.headers &&
                    known->second->pricer == service.pricer;
        if (!same) changed.emplace_back(service.name.text());
        old.erase(known);
    }
    for (const auto& [name, service] : old) removed.emplace_back(name);
    return {{"added", std::move(added)}, {"removed", std::move(removed)}, {"changed", std::move(changed)}};
}

}  // namespace millrace::admin
