#include "service/ctl/operations.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <charconv>

namespace millrace::ctl {
namespace {

using Place = Argument::Place;

constexpr std::string_view dry_run_name = "dry_run";

constexpr Argument service{"service", Place::query, "NAME", "of this service alone"};
constexpr Argument since{"since", Place::query, "TIME",
                         "from then on: unix seconds, 2026-11-21 or 2026-11-21T10:00:00Z (UTC)"};
constexpr Argument until{"until", Place::query, "TIME", "before then"};
constexpr Argument limit{"limit", Place::query, "N", "rows at most, up to 10000; 100 without"};
constexpr Argument cursor{"cursor", Place::query, "CURSOR", "the page behind this: next_cursor of the one before"};
constexpr Argument hash{"payment_hash", Place::path, "HASH",
                        "payment hash of the token's invoice, or the id of a token that was used: 64 hex digits", true};

constexpr Argument name{"name", Place::path, "NAME", "the service's name", true};
constexpr Argument definition{"definition", Place::document, "FILE",
                              "the service, in TOML or JSON, with the keys of a [[service]]; - for standard input",
                              true};
constexpr Argument position{"position", Place::query, "WHERE",
                            "first or last: in front of all services, or behind them"};
constexpr Argument before{"before", Place::query, "NAME", "in front of this service"};
constexpr Argument after{"after", Place::query, "NAME", "behind this service"};
constexpr Argument if_version{"if_version", Place::query, "VERSION", "only if the service still has this version"};
constexpr Argument dry_run{dry_run_name, Place::query, "true", "check everything, and change nothing"};

const std::vector<Operation>& table() {
    static const std::vector<Operation> all = {
        {"status", "version, uptime, node and open challenges", "GET", "/v1/status"},
        {"health", "whether challenges can be issued and requests served", "GET", "/v1/health"},
        {"services",
         "the services that are sold",
         "GET",
         "/v1/services",
         {},
         {"services", {"name", "host", "path", "price_msat", "timeout", "realm", "upstream"}}},
        {"service show", "everything about one service, and where it comes from", "GET", "/v1/services/{name}", {name}},
        {"service definition",
         "a service under the keys of the configuration, as it can be given back",
         "GET",
         "/v1/services/{name}/definition",
         {name}},
        {"service add",
         "make a service that is kept beside those of the configuration",
         "POST",
         "/v1/services",
         {definition, position, before, after, dry_run}},
        {"service set",
         "replace the definition of a service that was made so",
         "PUT",
         "/v1/services/{name}",
         {name, definition, position, before, after, if_version, dry_run}},
        {"service remove",
         "take a service out that was made so",
         "DELETE",
         "/v1/services/{name}",
         {name, if_version, dry_run}},
        {"settlements",
         "payments that the node has collected, newest first",
         "GET",
         "/v1/settlements",
         {service, since, until, limit, cursor, {"format", Place::query, "FORMAT", "csv: print CSV"}},
         {"settlements", {"settled_at", "service", "amount_received_msat", "payment_hash", "description"}}},
        {"sessions",
         "sessions of the Payment scheme, newest first",
         "GET",
         "/v1/sessions",
         {service,
          {"state", Place::query, "STATE", "open or closed"},
          {"refund", Place::query, "STATE", "pending, succeeded, failed or skipped"},
          limit,
          cursor},
         {"sessions", {"opened_at", "service", "state", "deposit_msat", "spent_msat", "session"}}},
        {"stats",
         "payments and millisatoshi by service and period",
         "GET",
         "/v1/stats",
         {{"period", Place::query, "PERIOD", "hour or day; day without"}, service, since, until},
         {"stats", {"start", "service", "count", "amount_received_msat", "first_uses", "grants"}}},
        {"challenges",
         "invoices that are neither paid nor expired: the newest, and how many of each service",
         "GET",
         "/v1/challenges",
         {service, limit},
         {"challenges", {"issued_at", "expires_at", "service", "amount_msat", "payment_hash"}}},
        {"tokens",
         "tokens that were used, by their first use, newest first",
         "GET",
         "/v1/tokens",
         {service, limit, cursor},
         {"tokens", {"first_used_at", "service", "token_id", "uses", "bytes", "spent_msat", "granted", "revoked"}}},
        {"token show", "what is known of the token of a payment", "GET", "/v1/tokens/{payment_hash}", {hash}},
        {"token revoke",
         "refuse the tokens of a payment from now on",
         "POST",
         "/v1/tokens/{payment_hash}/revoke",
         {hash, {"reason", Place::body, "TEXT", "why, for the audit table"}}},
        {"token grant",
         "give a token away; it is shown this once",
         "POST",
         "/v1/tokens",
         {{"service", Place::body, "NAME", "the service or realm that it opens", true},
          {"reason", Place::body, "TEXT", "why, for the audit table", true},
          {"route", Place::body, "NAME", "for this route alone"},
          {"tier", Place::body, "NAME", "of this tier; the lowest without"},
          {"expires_in", Place::body, "TIME",
           "how long it works, seconds or such as 30d, in place of the service's timeout", false, true},
          {"uses", Place::body, "N", "how many requests, in place of what the service sells", false, true},
          {"max_price_msat", Place::body, "MSAT", "for requests that cost no more", false, true}}},
        {"token restore", "honour the tokens of a payment again", "POST", "/v1/tokens/{payment_hash}/restore", {hash}},
        {"reload", "read the configuration again, and say what changed or what is wrong with it", "POST", "/v1/reload"},
        {"audit",
         "what operators have done, newest first",
         "GET",
         "/v1/audit",
         {limit, cursor},
         {"audit", {"id", "at", "role", "action", "subject", "detail"}}},
    };
    return all;
}

// What is no number is sent as it is: millraced says what would be right.
boost::json::value number_or_text(const std::string& text) {
    std::int64_t number = 0;
    auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    bool whole = failed == std::errc{} && end == text.data() + text.size();
    return whole ? boost::json::value(number) : boost::json::value(text);
}

std::string encoded(std::string_view text) {
    return boost::urls::encode(text, boost::urls::unreserved_chars);
}

}  // namespace

std::span<const Operation> operations() {
    return table();
}

const Operation* find_operation(std::string_view command) {
    auto found =
        std::find_if(table().begin(), table().end(), [&](const Operation& one) { return one.command == command; });
    return found == table().end() ? nullptr : &*found;
}

bool Operation::tries() const {
    return std::any_of(arguments.begin(), arguments.end(),
                       [](const Argument& one) { return one.name == dry_run_name; });
}

Request make_request(const Operation& operation, const Values& values) {
    Request out{std::string(operation.method), std::string(operation.path)};
    boost::json::object body;
    std::string query;
    for (const Argument& argument : operation.arguments) {
        auto value = values.find(argument.name);
        if (value == values.end()) continue;
        if (argument.place == Place::path) {
            std::string name = '{' + std::string(argument.name) + '}';
            out.target.replace(out.target.find(name), name.size(), encoded(value->second));
        } else if (argument.place == Place::document) {
            out.body = value->second;
        } else if (argument.place == Place::query) {
            query += (query.empty() ? '?' : '&') + std::string(argument.name) + '=' + encoded(value->second);
        } else {
            body[argument.name] = argument.number ? number_or_text(value->second) : boost::json::value(value->second);
        }
    }
    out.target += query;
    if (!body.empty()) out.body = boost::json::serialize(body);
    return out;
}

}  // namespace millrace::ctl
