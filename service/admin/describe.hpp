// What the admin API shows, as JSON: times are unix seconds, amounts integer millisatoshi, durations seconds.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>

#include "service/config/config.hpp"
#include "service/gateway/open_invoices.hpp"
#include "service/store/reader.hpp"

namespace millrace::admin {

// Everything that the file says of a service, under the file's keys; what it leaves out as null. Of upstream_headers
// the names alone: values may be secrets.
[[nodiscard]] boost::json::object describe(const config::Service& service);

// As above, and where the service comes from: `definition` under the file's keys as they were written, which can be
// given back; its `version`; `origin`: file and line, or that it is stored, and since when.
[[nodiscard]] boost::json::object describe_whole(const config::Service& service, const std::string& file);

[[nodiscard]] boost::json::object describe(const store::SettlementRow& row);
[[nodiscard]] boost::json::object describe(const store::SessionRow& row);
[[nodiscard]] boost::json::object describe(const store::StatsRow& row);
[[nodiscard]] boost::json::object describe(const store::AuditRow& row);
// What is left of a token's quota is what the service sells it with now.
[[nodiscard]] boost::json::object describe(const PaymentHash& hash, const store::TokenFacts& facts,
                                           const config::Config& config);
[[nodiscard]] boost::json::object describe(const store::TokenRow& row);
[[nodiscard]] boost::json::object describe(const store::TokenGrant& grant);

// How many there are of each service, and the newest of them.
[[nodiscard]] boost::json::object describe(const gateway::OpenInvoices& open, const std::optional<std::string>& service,
                                           std::size_t limit, gateway::OpenInvoices::Time now);

// RFC 4180. A text that a spreadsheet would take for a formula is shown with an apostrophe in front.
[[nodiscard]] std::string to_csv(const std::vector<store::SettlementRow>& rows);

// How the services of two configurations differ: {"added": [...], "removed": [...], "changed": [...]}, names.
[[nodiscard]] boost::json::object compare(const std::vector<config::Service>& before,
                                          const std::vector<config::Service>& after);

}  // namespace millrace::admin
