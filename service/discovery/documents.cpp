#include "service/discovery/documents.hpp"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <set>

#include "common/codec/ascii.hpp"
#include "common/codec/hex.hpp"
#include "common/crypto/hash.hpp"
#include "common/payment/charge_request.hpp"
#include "service/discovery/terms.hpp"

namespace millrace::discovery {
namespace {

namespace bj = boost::json;

using Services = std::vector<const config::Service*>;

bj::object provider_of(const config::Config& config, std::string_view node_id) {
    bj::object out{{"name", config.discovery.name}};
    if (!config.discovery.uri.empty()) out["uri"] = config.discovery.uri;
    if (!node_id.empty()) out["node_pubkey"] = std::string(node_id);
    return out;
}

// One entry a path and method; "*" stands for all methods.
void append_resource(const config::Service& service, const Resource& resource, bj::array& out) {
    std::vector<std::string> methods = resource.methods.names;
    if (methods.empty()) methods.emplace_back("*");
    for (const std::string& method : methods) {
        bj::object entry{{"path", resource.path}, {"method", method}};
        if (resource.access == Resource::Access::auth_only)
            entry["access"] = "token_only";  // opened by a token, and never sold
        else
            entry["pricing"] = pricing_of(service, resource, tier_for(service, resource));
        if (bj::object constraints = constraints_of(resource); !constraints.empty())
            entry["constraints"] = std::move(constraints);
        if (resource.route && resource.route->own_tokens)
            entry["terms"] = terms_of(service, resource.route, tier_for(service, resource));
        if (resource.route && !resource.route->capability.empty()) entry["capability"] = resource.route->capability;
        if (resource.route && resource.route->min_tier > 0) entry["min_tier"] = resource.route->min_tier;
        out.push_back(std::move(entry));
    }
}

bj::object manifest_entry(const config::Service& service) {
    bj::array resources;
    for (const Resource& resource : resources_of(service)) append_resource(service, resource, resources);
    bj::array tiers;
    std::set<std::string> capabilities;
    for (const config::Tier& tier : service.tiers) {
        bj::object entry = tier_of(tier);
        Resource whole;
        entry["pricing"] = pricing_of(service, whole, tier.number);
        entry["terms"] = terms_of(service, nullptr, tier.number);
        tiers.push_back(std::move(entry));
        capabilities.insert(tier.capabilities.begin(), tier.capabilities.end());
    }
    // The format has one at least.
    if (tiers.empty()) tiers.push_back(bj::object{{"tier", 0}, {"name", "default"}});
    bj::array all;
    for (const std::string& one : capabilities) all.emplace_back(one);
    unsigned lowest = service.tiers.empty() ? 0 : service.tiers.front().number;
    return {{"name", service.name.text()},
            {"description", description_of(service)},
            {"tiers", std::move(tiers)},
            {"capabilities", std::move(all)},
            {"terms", terms_of(service, nullptr, lowest)},
            {"resources", std::move(resources)}};
}

bj::object caveats_of(const Services& services) {
    bj::object out{{"services", bj::object{{"type", "service_list"}, {"attenuation", "subset"}}}};
    for (const config::Service* service : services) {
        const std::string& name = service->seller().text();
        out[name + "_valid_until"] = bj::object{{"type", "unix_seconds"}, {"attenuation", "not_later"}};
        out[name + "_route"] = bj::object{{"type", "route_name"}, {"attenuation", "same"}};
        if (!service->tiers.empty())
            out[name + "_capabilities"] = bj::object{{"type", "capability_list"}, {"attenuation", "subset"}};
        out[name + "_max_price_msat"] = bj::object{{"type", "integer"}, {"attenuation", "not_higher"}};
        out[name + "_credit_msat"] = bj::object{{"type", "integer"}, {"attenuation", "not_higher"}};
    }
    return out;
}

bj::object make_manifest(const config::Config& config, const Services& services, std::string_view node_id) {
    bj::array entries;
    for (const config::Service* service : services) {
        if (service->schemes.l402) entries.push_back(manifest_entry(*service));
    }
    return {{"version", "1.0"},
            {"provider", provider_of(config, node_id)},
            {"currencies", bj::array{"msat"}},
            {"macaroon_versions", bj::array{0}},
            {"payment_methods", bj::array{"bolt11"}},
            {"quote_endpoint", quote_path},
            {"openapi", openapi_path},
            {"services", std::move(entries)},
            {"caveats", caveats_of(services)}};
}

// A pattern as OpenAPI writes it, its stars as parameters: "/v1/*/images" -> "/v1/{path}/images". "{" and "}" of the
// path itself would be read as parameters.
struct Template {
    std::string text;
    std::vector<std::string> parameters;
};

Template template_of(std::string_view pattern) {
    Template out;
    for (std::size_t at = 0; at < pattern.size(); ++at) {
        char c = pattern[at];
        if (c == '{' || c == '}') {
            out.text += c == '{' ? "%7B" : "%7D";
        } else if (c != '*') {
            out.text += c;
        } else {
            while (at + 1 < pattern.size() && pattern[at + 1] == '*') ++at;
            std::string number = out.parameters.empty() ? "" : std::to_string(out.parameters.size() + 1);
            out.parameters.push_back("path" + number);
            out.text += '{' + out.parameters.back() + '}';
        }
    }
    return out;
}

// What an operation costs, under the name that its readers look for. x-payment-info is the `Payment` scheme's, and must
// have an offer (draft-payment-discovery); its lightning method counts whole satoshi in decimal text, null: not known
// beforehand. Where L402 alone is sold, the same stands in x-l402-info, without offers.
constexpr std::string_view info_name(const config::Service& service) {
    return service.schemes.payment ? "x-payment-info" : "x-l402-info";
}

bj::object price_info(const config::Service& service, const Resource& resource) {
    unsigned tier = tier_for(service, resource);
    bj::array schemes;
    if (service.schemes.l402) schemes.emplace_back("L402");
    if (service.schemes.payment) schemes.emplace_back("Payment");
    bj::object info{{"schemes", std::move(schemes)},
                    {"pricing", pricing_of(service, resource, tier)},
                    {"terms", terms_of(service, resource.route, tier)}};
    if (service.schemes.payment) {
        const std::optional<Msat> price = fixed_price(service, resource, tier);
        bj::value amount = nullptr;
        // A charge shows whole satoshi, rounded up.
        if (price) amount = std::to_string(payment::to_sat(*price));
        bj::object offer{{"intent", "charge"},
                         {"method", "lightning"},
                         {"amount", std::move(amount)},
                         {"currency", "sat"},
                         {"description", description_of(service)}};
        bj::array offers;
        if (service.charges()) offers.push_back(offer);
        if (const auto& sessions = service.sessions) {
            offer["intent"] = "session";
            offer["depositAmount"] =
                std::to_string(payment::to_sat(sessions->deposit_due(price.value_or(service.price))));
            offer["idleTimeout"] = std::to_string(sessions->idle_timeout.count());
            offer["unitType"] = sessions->event ? "event" : "request";
            if (sessions->event) offer["amount"] = std::to_string(payment::to_sat(*sessions->event));
            offers.push_back(std::move(offer));
        }
        info["offers"] = std::move(offers);
    }
    return info;
}

bj::object make_operation(const config::Service& service, const Resource& resource, const Template& path) {
    bj::object responses{{"default", bj::object{{"description", "What the service behind answers."}}}};
    bj::object operation{{"summary", description_of(service)}, {"tags", bj::array{service.name.text()}}};
    bj::array parameters;
    for (const std::string& name : path.parameters) {
        parameters.push_back(bj::object{{"name", name},
                                        {"in", "path"},
                                        {"required", true},
                                        {"description", "Any path, slashes and all."},
                                        {"schema", bj::object{{"type", "string"}}}});
    }
    if (!parameters.empty()) operation["parameters"] = std::move(parameters);
    if (resource.access == Resource::Access::sold) {
        operation[info_name(service)] = price_info(service, resource);
        responses["402"] = bj::object{{"description", "Payment Required: the invoice is in WWW-Authenticate."}};
    } else if (resource.access == Resource::Access::auth_only) {
        responses["401"] = bj::object{{"description", "A token is needed, and none is sold here."}};
    }
    operation["responses"] = std::move(responses);
    return operation;
}

// OpenAPI has no field for other methods.
bool is_described(std::string_view method) {
    constexpr std::array<std::string_view, 8> known = {"get",     "put",  "post",  "delete",
                                                       "options", "head", "patch", "trace"};
    return std::find(known.begin(), known.end(), method) != known.end();
}

// Methods whose requests mean what their content says (RFC 9110 §9.3): a description without one is taken for a mistake.
bool has_content(std::string_view method) {
    return method == "post" || method == "put" || method == "patch";
}

// What the server behind takes only that knows.
bj::object any_content() {
    const bj::object any{{"schema", bj::object{}}};
    return {
        {"description", "What the service behind takes."}, {"required", false}, {"content", bj::object{{"*/*", any}}}};
}

std::string lower_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), codec::to_lower);
    return out;
}

// The first that fits a request decides, so that what is there already stays.
void append_operations(const config::Service& service, const Resource& resource, bj::object& paths) {
    Template path = template_of(resource.path);
    std::vector<std::string> methods = resource.methods.names;
    // Which methods there are only the server behind knows: these stand for what clients mostly send.
    if (methods.empty()) methods = {"get", "post"};
    bj::value& item = paths.emplace(path.text, bj::object{}).first->value();
    for (const std::string& name : methods) {
        std::string method = lower_case(name);
        if (!is_described(method) || item.as_object().contains(method)) continue;
        bj::object operation = make_operation(service, resource, path);
        operation["operationId"] = service.name.text() + ' ' + method + ' ' + resource.path;
        if (has_content(method)) operation["requestBody"] = any_content();
        item.as_object()[method] = std::move(operation);
    }
}

bj::object make_openapi(const config::Config& config, const Services& services) {
    bj::object paths;
    bj::array tags;
    for (const config::Service* service : services) {
        tags.push_back(bj::object{{"name", service->name.text()}, {"description", description_of(*service)}});
        for (const Resource& resource : resources_of(*service)) append_operations(*service, resource, paths);
    }
    bj::object service_info{{"categories", bj::array{}}, {"docs", bj::object{{"apiReference", openapi_path}}}};
    if (!config.discovery.uri.empty()) service_info["docs"].as_object()["homepage"] = config.discovery.uri;
    return {{"openapi", "3.1.0"},
            {"info", bj::object{{"title", config.discovery.name}, {"version", "1.0"}}},
            {"servers", bj::array{bj::object{{"url", "/"}}}},
            {"x-service-info", std::move(service_info)},
            {"tags", std::move(tags)},
            {"paths", std::move(paths)}};
}

Document finished(const bj::object& json) {
    Document out{bj::serialize(json) + '\n', {}};
    crypto::Digest digest = crypto::sha256(as_bytes(out.text));
    out.etag = '"' + codec::to_hex(ByteView(digest).subspan(0, 16)) + '"';
    return out;
}

}  // namespace

Documents make_documents(const config::Config& config, std::span<const std::size_t> services,
                         std::string_view node_id) {
    Services shown;
    for (std::size_t index : services) {
        if (!config.services[index].hidden) shown.push_back(&config.services[index]);
    }
    return {finished(make_manifest(config, shown, node_id)), finished(make_openapi(config, shown))};
}

const Documents& DocumentCache::get(std::uint64_t version, const config::Config& config,
                                    const std::vector<std::size_t>& services, std::string_view node_id) {
    if (version_ != version || node_id_ != node_id) {
        made_.clear();
        version_ = version;
        node_id_ = node_id;
    }
    auto entry = made_.find(services);
    if (entry == made_.end()) entry = made_.emplace(services, make_documents(config, services, node_id)).first;
    return entry->second;
}

bool matches_etag(std::string_view if_none_match, std::string_view etag) {
    while (!if_none_match.empty()) {
        std::size_t comma = std::min(if_none_match.find(','), if_none_match.size());
        std::string_view tag = if_none_match.substr(0, comma);
        if_none_match.remove_prefix(std::min(comma + 1, if_none_match.size()));
        while (!tag.empty() && (tag.front() == ' ' || tag.front() == '\t')) tag.remove_prefix(1);
        while (!tag.empty() && (tag.back() == ' ' || tag.back() == '\t')) tag.remove_suffix(1);
        if (tag == "*") return true;
        if (tag.substr(0, 2) == "W/") tag.remove_prefix(2);
        if (tag == etag) return true;
    }
    return false;
}

}  // namespace millrace::discovery
