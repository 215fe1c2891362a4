// The rows: see operation.hpp.
#include "service/operations/operation.hpp"

namespace millrace::operations {
namespace {

const Argument service{"service", Place::query, "NAME", "of this service alone"};
const Argument since{"since", Place::query, "TIME",
                     "from then on: unix seconds, 2026-11-21 or 2026-11-21T10:00:00Z (UTC)"};
const Argument until{"until", Place::query, "TIME", "before then"};
const Argument limit{
    .name = "limit", .type = "N", .help = "rows at most, up to 10000; 100 without", .kind = Kind::number};
const Argument cursor{"cursor", Place::query, "CURSOR", "the page behind this: next_cursor of the one before"};
const Argument hash{"payment_hash", Place::path, "HASH",
                    "payment hash of the token's invoice, or the id of a token that was used: 64 hex digits", true};

const Argument name{"name", Place::path, "NAME", "the service's name", true};
const Argument definition{"definition", Place::document, "FILE",
                          "the service, in TOML or JSON, with the keys of a [[service]]; - for standard input", true};
const Argument position{.name = "position",
                        .type = "WHERE",
                        .help = "first or last: in front of all services, or behind them",
                        .words = {"first", "last"}};
const Argument before{"before", Place::query, "NAME", "in front of this service"};
const Argument after{"after", Place::query, "NAME", "behind this service"};
const Argument if_version{"if_version", Place::query, "VERSION", "only if the service still has this version"};
const Argument dry_run{
    .name = dry_run_name, .type = "true", .help = "check everything, and change nothing", .kind = Kind::flag};

const std::vector<Operation> rows = {
    {.command = "status",
     .method = "GET",
     .path = "/v1/status",
     .help = "version, uptime, node and open challenges",
     .says = "Version, uptime, node, open challenges.",
     .manual = "Version, uptime, whether it is ready, the node, open challenges."},
    {.command = "health",
     .method = "GET",
     .path = "/v1/health",
     .help = "whether challenges can be issued and requests served",
     .says = "Whether challenges can be issued and requests served.",
     .manual = "Whether challenges can be issued and requests served, and why not."},
    {.command = "services",
     .method = "GET",
     .path = "/v1/services",
     .help = "the services that are sold",
     .says = "Everything that the configuration says of each service.",
     .manual = "The services that are sold.",
     .view = {"services", {"name", "host", "path", "price_msat", "timeout", "realm", "upstream"}}},
    {.command = "service show",
     .method = "GET",
     .path = "/v1/services/{name}",
     .help = "everything about one service, and where it comes from",
     .says = "Everything that the configuration says of one service.",
     .manual = R"(Everything about one, and where it comes from: the file and the line, or the store.
Values of
.Cm upstream_headers
are not shown.)",
     .arguments = {name}},
    {.command = "service definition",
     .method = "GET",
     .path = "/v1/services/{name}/definition",
     .help = "a service under the keys of the configuration, as it can be given back",
     .says =
         "A service under the keys of the configuration file, as they were written: what PUT takes. Secrets are null.",
     .manual = R"(The same under the keys of
.Xr millraced.toml 5 ,
as they were written: what
.Cm service add
and
.Cm service set
take.)",
     .arguments = {name}},
    {.command = "service add",
     .method = "POST",
     .path = "/v1/services",
     .role = Role::write,
     .help = "make a service that is kept beside those of the configuration",
     .says = "Make a service: kept in the store, and in force with the answer. It stands behind all others unless told "
             "otherwise.",
     .manual = R"(Make a service that is kept beside those of the configuration, and is in force at once.
The
.Ar file
is TOML or JSON and holds the keys of a
.Li [[service]] ,
or one such table;
.Ql -
is standard input.
One of
.Fl Fl position ,
.Fl Fl before
and
.Fl Fl after
says where the service stands; the default is
.Cm last .
The first service that fits a request answers it.)",
     .arguments = {definition, position, before, after, dry_run}},
    {.command = "service set",
     .method = "PUT",
     .path = "/v1/services/{name}",
     .role = Role::write,
     .help = "replace the definition of a service that was made so",
     .says = "Replace a stored service's definition, and move it where a place is given.",
     .manual = R"(Replace the definition of a service that was made so; with one of
.Fl Fl position ,
.Fl Fl before
and
.Fl Fl after ,
move it.
With
.Fl Fl if-version ,
only if it is still the one that was read.)",
     .arguments = {name, definition, position, before, after, if_version, dry_run}},
    {.command = "service remove",
     .method = "DELETE",
     .path = "/v1/services/{name}",
     .role = Role::write,
     .help = "take a service out that was made so",
     .says = "Take a stored service out; the answer shows what it was. Its tokens are honoured again if it comes back.",
     .manual = R"(Take a service out that was made so.
Its tokens are honoured again if it comes back.)",
     .arguments = {name, if_version, dry_run}},
    {.command = "settlements",
     .method = "GET",
     .path = "/v1/settlements",
     .help = "payments that the node has collected, newest first",
     .says = "Payments that the node has collected, newest first.",
     .arguments = {service,
                   since,
                   until,
                   limit,
                   cursor,
                   {.name = "format", .type = "FORMAT", .help = "csv: print CSV", .words = {"csv", "json"}}},
     .view = {"settlements", {"settled_at", "service", "amount_received_msat", "payment_hash", "description"}}},
    {.command = "sessions",
     .method = "GET",
     .path = "/v1/sessions",
     .help = "sessions of the Payment scheme, newest first",
     .says = "Sessions of the Payment scheme, newest first.",
     .manual = "Sessions of the Payment scheme, newest first: deposits, what is spent, and how a refund stands.",
     .arguments = {service,
                   {.name = "state", .type = "STATE", .help = "open or closed", .words = {"open", "closed"}},
                   {.name = "refund",
                    .type = "STATE",
                    .help = "pending, succeeded, failed or skipped",
                    .words = {"pending", "succeeded", "failed", "skipped"}},
                   limit,
                   cursor},
     .view = {"sessions", {"opened_at", "service", "state", "deposit_msat", "spent_msat", "session"}}},
    {.command = "stats",
     .method = "GET",
     .path = "/v1/stats",
     .help = "payments and millisatoshi by service and period",
     .says = "Payments and millisatoshi by service and hour or day, oldest first.",
     .arguments = {{.name = "period", .type = "PERIOD", .help = "hour or day; day without", .words = {"hour", "day"}},
                   service,
                   since,
                   until},
     .view = {"stats", {"start", "service", "count", "amount_received_msat", "first_uses", "grants"}}},
    {.command = "challenges",
     .method = "GET",
     .path = "/v1/challenges",
     .help = "invoices that are neither paid nor expired: the newest, and how many of each service",
     .says = "Invoices that this process has issued and that are neither paid nor expired: how many of each service, "
             "and the newest.",
     .arguments = {service, limit},
     .view = {"challenges", {"issued_at", "expires_at", "service", "amount_msat", "payment_hash"}}},
    {.command = "tokens",
     .method = "GET",
     .path = "/v1/tokens",
     .help = "tokens that were used, by their first use, newest first",
     .says =
         "Tokens that were used, by their first use, newest first. Later uses are not told apart: they write nothing "
         "unless they are counted.",
     .manual = "Tokens that were used, by their first use, newest first, with what they have used up.",
     .arguments = {service, limit, cursor},
     .view = {"tokens", {"first_used_at", "service", "token_id", "uses", "bytes", "spent_msat", "granted", "revoked"}}},
    {.command = "token show",
     .method = "GET",
     .path = "/v1/tokens/{payment_hash}",
     .help = "what is known of the token of a payment",
     .says = "What is known of the token of a payment.",
     .manual =
         R"(What is known of the token of a payment: settlement or grant, first use, what it has used and what is left, revocation.
The
.Ar hash
is the payment hash; the id of a token will do once the token was used, here and below.
What was paid and never used is found by its payment hash only.)",
     .arguments = {hash}},
    {.command = "token revoke",
     .method = "POST",
     .path = "/v1/tokens/{payment_hash}/revoke",
     .role = Role::write,
     .help = "refuse the tokens of a payment from now on",
     .says = "Refuse the tokens of a payment from the next request on; also of one that is not known yet.",
     .manual =
         R"(Refuse the tokens of a payment from the next request on, and the payment as a charge; also of one that is not known yet.
Answers and tunnels that are under way end within a second.)",
     .arguments = {hash, {"reason", Place::body, "TEXT", "why, for the audit table"}}},
    {.command = "token grant",
     .method = "POST",
     .path = "/v1/tokens",
     .role = Role::write,
     .help = "give a token away; it is shown this once",
     .says =
         "Give a token away. Its clock starts now; it is counted as any token, and is no revenue. The credential is "
         "in this answer and nowhere else.",
     .manual = R"(Give a token away, for a service or a realm.
It is shown this once: keep what is printed.
Its clock starts now; it is counted, limited and revoked as any token, and is no revenue.
.Fl Fl expires-in
.Pq Li 30d , 12h
and
.Fl Fl uses
stand in place of what the service sells.)",
     .arguments = {{"service", Place::body, "NAME", "the service or realm that it opens", true},
                   {"reason", Place::body, "TEXT", "why, for the audit table", true},
                   {"route", Place::body, "NAME", "for this route alone"},
                   {"tier", Place::body, "NAME", "of this tier; the lowest without"},
                   {"expires_in", Place::body, "TIME",
                    "how long it works, seconds or such as 30d, in place of the service's timeout", false,
                    Kind::number},
                   {"uses", Place::body, "N", "how many requests, in place of what the service sells", false,
                    Kind::number},
                   {"max_price_msat", Place::body, "MSAT", "for requests that cost no more", false, Kind::number}}},
    {.command = "token restore",
     .method = "POST",
     .path = "/v1/tokens/{payment_hash}/restore",
     .role = Role::write,
     .help = "honour the tokens of a payment again",
     .says = "Honour the tokens of a payment again.",
     .manual = "Honour them again.",
     .arguments = {hash}},
    {.command = "reload",
     .method = "POST",
     .path = "/v1/reload",
     .role = Role::write,
     .help = "read the configuration again, and say what changed or what is wrong with it",
     .says = "Read the configuration again, as SIGHUP does.",
     .manual = R"(Read the configuration again, as
.Dv SIGHUP
does, and say what changed or what is wrong with it.)"},
    {.command = "audit",
     .method = "GET",
     .path = "/v1/audit",
     .help = "what operators have done, newest first",
     .says = "What operators have done, newest first.",
     .arguments = {limit, cursor},
     .view = {"audit", {"id", "at", "role", "action", "subject", "detail"}}},
};

}  // namespace

std::span<const Operation> all() {
    return rows;
}

}  // namespace millrace::operations
