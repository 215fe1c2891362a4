#include "contrib/client/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iterator>

namespace millrace::client {

namespace {

constexpr const char* footer =
    R"(Asks for URL; where the answer is 402 Payment Required with an L402 challenge, checks the invoice, pays it
through a Core Lightning node (xpay), stores the token and asks again. Tokens are reused for the same origin
and service. A payment is stored before it is sent; one that was interrupted is continued by the next run for
the same origin and service, and never made twice. What was paid for is stored before it is used and kept
where the server refuses it; nothing is paid for the same service, path or charge again then, but with --again.

The token store is DIR/tokens.db, readable by its owner only. Redirects are not followed.

Exit status: 0 the response was received; 1 internal error; 2 wrong usage; 3 price or invoice refused, nothing
paid; 4 the payment failed, nothing paid; 5 what was paid for was refused, and is kept; 6 the server answered
with an error; 7 the server or the node cannot be reached; 8 a payment is under way, run again to continue; 9 the
token store cannot be used; 10 the response cannot be written: where it was paid for, that is kept.)";

constexpr std::uint64_t default_max_cost_msat = 1'000'000;  // 1000 sat
constexpr unsigned max_pow_bits = 32;                       // half an hour
constexpr std::uint64_t default_max_fee_msat = 10'000;      // 10 sat

bool is_token(std::string_view text) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";  // RFC 9110 §5.6.2
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
        return std::isalnum(c) != 0 || others.find(static_cast<char>(c)) != std::string_view::npos;
    });
}

std::optional<std::pair<std::string, std::string>> parse_header(const std::string& line) {
    const auto colon = line.find(':');
    if (colon == std::string::npos || !is_token(std::string_view(line).substr(0, colon))) return std::nullopt;
    const auto first = line.find_first_not_of(" \t", colon + 1);
    std::string value = first == std::string::npos ? std::string() : line.substr(first);
    if (value.find_first_of("\r\n") != std::string::npos || value.find('\0') != std::string::npos) return std::nullopt;
    return std::pair{line.substr(0, colon), std::move(value)};
}

std::optional<std::string> read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return std::nullopt;
    return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace

std::variant<Options, Stop> parse_options(const std::vector<std::string>& arguments, const Environment& environment) {
    Options options;
    options.rpc = environment.home + "/.lightning/bitcoin/lightning-rpc";
    options.directory =
        (environment.data_home.empty() ? environment.home + "/.local/share" : environment.data_home) + "/millrace";
    std::uint64_t max_cost = default_max_cost_msat;
    std::uint64_t max_fee = default_max_fee_msat;
    std::int64_t timeout = options.timeout.count();
    std::int64_t retry_for = options.limits.retry_for.count();
    std::vector<std::string> headers;
    std::optional<std::string> data;

    CLI::App app("Fetches a URL that is sold for millisatoshi (L402).", "millrace-get");
    app.footer(footer);
    app.set_version_flag("--version", MILLRACE_VERSION);
    app.add_option("url", options.url, "http:// or https:// URL")->required()->type_name("URL");
    app.add_option("--rpc", options.rpc, "lightning-rpc socket of the node that pays")
        ->type_name("SOCKET")
        ->capture_default_str();
    app.add_option("--max-cost-msat", max_cost, "refuse invoices above this")->type_name("N")->capture_default_str();
    app.add_option("--max-fee-msat", max_fee, "routing fee to pay at most, on top")
        ->type_name("N")
        ->capture_default_str();
    app.add_option("-X,--request", options.method, "method; default GET, or POST with -d")->type_name("METHOD");
    app.add_option("-d,--data", data, "request body; @FILE reads it from a file")->type_name("BODY");
    app.add_option("-H,--header", headers, "request header, \"Name: value\"; may be repeated")
        ->type_name("HEADER")
        ->take_all()
        ->expected(1);
    app.add_option("-o,--output", options.output, "write the response body to FILE, opened before anything is paid")
        ->type_name("FILE");
    app.add_flag("--again", options.limits.again, "pay for another where the server refuses what was paid for");
    app.add_option("--dir", options.directory, "directory of the token store")->type_name("DIR")->capture_default_str();
    app.add_option("--ca-file", options.ca_file, "certificates to trust instead of the system's (PEM)")
        ->type_name("FILE");
    app.add_option("--timeout", timeout, "seconds to wait for the server")
        ->check(CLI::Range(1, 86400))
        ->capture_default_str();
    app.add_option("--retry-for", retry_for, "seconds in which the node may try to pay")
        ->check(CLI::Range(1, 3600))
        ->capture_default_str();
    app.add_option("--max-pow-bits", options.max_pow_bits,
                   "work to do at most where a server makes out no more invoices, 2^N hashes; 0: none")
        ->check(CLI::Range(0U, max_pow_bits))
        ->type_name("N")
        ->capture_default_str();
    app.add_flag("-v,--verbose", options.verbose, "say each step on standard error, without secrets");

    try {
        std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
        app.parse(reversed);
    } catch (const CLI::CallForHelp&) {
        return Stop{Exit::ok, app.help()};
    } catch (const CLI::CallForVersion&) {
        return Stop{Exit::ok, std::string("millrace-get ") + MILLRACE_VERSION + "\n"};
    } catch (const CLI::ParseError& error) {
        return Stop{Exit::usage, std::string("millrace-get: ") + error.what() + "\nRun with --help for the options.\n"};
    }

    for (const std::string& line : headers) {
        auto header = parse_header(line);
        if (!header) return Stop{Exit::usage, "millrace-get: -H takes \"Name: value\"\n"};
        options.headers.push_back(std::move(*header));
    }
    if (data && data->starts_with('@')) {
        auto contents = read_file(data->substr(1));
        if (!contents) return Stop{Exit::usage, "millrace-get: cannot read " + data->substr(1) + "\n"};
        data = std::move(contents);
    }
    if (options.method.empty()) options.method = data ? "POST" : "GET";
    if (!is_token(options.method)) return Stop{Exit::usage, "millrace-get: -X takes an HTTP method\n"};
    if (data) options.body = std::move(*data);
    if (max_cost > Msat::max_value || max_fee > Msat::max_value) {
        return Stop{Exit::usage, "millrace-get: more than 21 million bitcoin\n"};
    }
    options.limits.max_cost = Msat(max_cost);
    options.limits.max_fee = Msat(max_fee);
    options.limits.retry_for = std::chrono::seconds(retry_for);
    options.timeout = std::chrono::seconds(timeout);
    return options;
}

}  // namespace millrace::client
