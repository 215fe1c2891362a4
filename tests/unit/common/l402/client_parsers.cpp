#include "tests/unit/common/l402/client_parsers.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>
#include <regex>

namespace millrace::l402::clients {
namespace {

std::string join(const Lines& lines) {
    std::string out;
    for (const std::string& line : lines) out += (out.empty() ? "" : ", ") + line;
    return out;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

std::optional<Offer> match(const std::string& text, const char* pattern,
                           std::regex::flag_type flags = std::regex::ECMAScript) {
    std::smatch found;
    if (!std::regex_search(text, found, std::regex(pattern, flags))) return std::nullopt;
    return Offer{found[found.size() - 2], found[found.size() - 1]};
}

// lightninglabs/aperture l402/client_interceptor.go: the first value that matches.
std::optional<Offer> aperture(const Lines& lines) {
    for (const std::string& line : lines) {
        if (auto offer = match(line, R"re((LSAT|L402) macaroon="(.*?)", invoice="(.*?)")re")) return offer;
    }
    return std::nullopt;
}

// The same before it knew of several values: the first one alone, and it must be LSAT.
std::optional<Offer> old_aperture(const Lines& lines) {
    return match(lines.front(), R"re(LSAT macaroon="(.*?)", invoice="(.*?)")re");
}

// The same with its pull request 208.
std::optional<Offer> aperture_208(const Lines& lines) {
    for (const std::string& line : lines) {
        if (auto offer =
                match(line, R"re((LSAT|L402) (?:version="[^"]*", )?(?:token|macaroon)="([^"]+)", invoice="([^"]+)")re"))
            return offer;
    }
    return std::nullopt;
}

// lightninglabs/lnget l402/header.go: the first line alone.
std::optional<Offer> lnget(const Lines& lines) {
    const std::string start = lower(lines.front()).substr(0, 5);
    if (start != "l402 " && start != "lsat ") return std::nullopt;
    return match(lines.front(), R"re((LSAT|L402)\s+macaroon="([^"]+)",\s*invoice="([^"]+)")re",
                 std::regex::ECMAScript | std::regex::icase);
}

// lightninglabs/L402sdk crates/l402-proto/src/challenge.rs: a prefix, then parameters; the invoice begins lnbc or lntb.
std::optional<Offer> l402sdk(const Lines& lines) {
    const std::string& line = lines.front();
    if (!line.starts_with("L402 ") && !line.starts_with("LSAT ")) return std::nullopt;
    std::map<std::string, std::string> parameters;
    const std::regex parameter(R"re(([A-Za-z_]+)="([^"]*)")re");
    for (std::sregex_iterator at(line.begin(), line.end(), parameter), end; at != end; ++at)
        parameters.emplace((*at)[1], (*at)[2]);
    const std::string& invoice = parameters["invoice"];
    if (parameters["macaroon"].empty() || (!invoice.starts_with("lnbc") && !invoice.starts_with("lntb")))
        return std::nullopt;
    return Offer{parameters["macaroon"], invoice};
}

// getAlby/js-lightning-tools src/402: works on the joined header, strips the first scheme, the last duplicate wins.
std::optional<Offer> alby(const Lines& lines) {
    std::string text = join(lines);
    const std::string start = lower(text).substr(0, 4);
    if (start != "l402" && start != "lsat") return std::nullopt;
    text.erase(0, 4);
    std::map<std::string, std::string> parameters;
    const std::regex parameter(R"re((\w+)=("([^"]*)"|[^\s,]+))re");
    for (std::sregex_iterator at(text.begin(), text.end(), parameter), end; at != end; ++at) {
        parameters[(*at)[1]] = (*at)[3].matched ? (*at)[3].str() : (*at)[2].str();
    }
    const std::string token = parameters["token"].empty() ? parameters["macaroon"] : parameters["token"];
    if (token.empty() || parameters["invoice"].empty()) return std::nullopt;
    return Offer{token, parameters["invoice"]};
}

// Tierion/lsat-js src/lsat.ts: LSAT alone, split at commas, quoted macaroon= and invoice=.
std::optional<Offer> lsat_js(const Lines& lines) {
    std::string text = lines.front();
    if (!text.starts_with("LSAT ")) return std::nullopt;
    text.erase(0, 5);
    Offer offer;
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        std::string part = text.substr(0, comma);
        text.erase(0, comma == std::string::npos ? text.size() : comma + 1);
        part.erase(0, part.find_first_not_of(' '));
        const std::size_t equals = part.find('=');
        if (equals == std::string::npos || part.size() < equals + 3 || part[equals + 1] != '"' || part.back() != '"')
            return std::nullopt;
        const std::string value = part.substr(equals + 2, part.size() - equals - 3);
        if (part.substr(0, equals) == "macaroon") offer.macaroon = value;
        if (part.substr(0, equals) == "invoice") offer.invoice = value;
    }
    if (offer.macaroon.empty() || offer.invoice.empty()) return std::nullopt;
    return offer;
}

// refined-element/l402-requests: quoted form, any case, on the joined header.
std::optional<Offer> l402_requests(const Lines& lines) {
    return match(join(lines), R"re((?:L402|LSAT)\s+macaroon="([^"]+)"\s*,\s*invoice="([^"]+)")re",
                 std::regex::ECMAScript | std::regex::icase);
}

// Fewsats/L402-python: two searches, which need a space behind every comma.
std::optional<Offer> fewsats(const Lines& lines) {
    const std::string text = join(lines);
    std::smatch macaroon;
    std::smatch invoice;
    if (!std::regex_search(text, macaroon, std::regex(R"re(macaroon="([^ ]+)")re"))) return std::nullopt;
    if (!std::regex_search(text, invoice, std::regex(R"re(invoice="([^ ]+)")re"))) return std::nullopt;
    return Offer{macaroon[1], invoice[1]};
}

}  // namespace

const std::vector<Client>& all() {
    static const std::vector<Client> clients = {
        {"Aperture", aperture},
        {"Aperture before 2023", old_aperture},
        {"Aperture with token=", aperture_208},
        {"lnget", lnget},
        {"L402sdk", l402sdk},
        {"js-lightning-tools", alby},
        {"lsat-js", lsat_js},
        {"l402-requests", l402_requests},
        {"L402-python", fewsats},
    };
    return clients;
}

}  // namespace millrace::l402::clients
