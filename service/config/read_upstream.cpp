#include "service/config/read_upstream.hpp"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>

#include "common/codec/field_name.hpp"
#include "service/config/header_value.hpp"
#include "service/config/path_rules.hpp"

namespace millrace::config {
namespace {

constexpr std::string_view unix_scheme = "unix:";
constexpr std::size_t max_socket_path = 107;  // of a sockaddr_un

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (errc != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
    return port;
}

std::vector<UpstreamAddress> read_addresses(Section& section, const std::filesystem::path& folder, bool may_lack) {
    constexpr std::string_view wanted = "the server behind this service, such as \"http://127.0.0.1:9000\"";
    std::vector<UpstreamAddress> out;
    std::vector<std::string> texts = section.text_or_texts("upstream", may_lack ? std::string_view() : wanted);
    if (texts.size() > Upstream::max_addresses)
        section.fault("upstream", "must be at most " + std::to_string(Upstream::max_addresses) + " addresses");
    for (const std::string& text : texts) {
        auto address = parse_upstream_address(text, folder);
        if (!address) {
            section.fault("upstream",
                          "must be http:// or https:// with a host and no path, such as \"http://127.0.0.1:9000\", or "
                          "unix: and the path of a socket of at most 107 bytes, not \"" +
                              text + '"');
        } else if (std::find(out.begin(), out.end(), *address) != out.end()) {
            section.fault("upstream", "must not name \"" + text + "\" twice");
        } else {
            out.push_back(std::move(*address));
        }
    }
    return out;
}

std::optional<HealthCheck> read_health(Section& service) {
    const toml::table* table = service.table("health", "{ path = \"/healthz\" }");
    if (!table) return std::nullopt;
    Section section = service.below("health", *table);
    HealthCheck out;
    auto path = section.text("path", "what is asked for, such as \"/healthz\"");
    if (path) {
        auto fault = fault_of_path(*path);
        bool plain = std::all_of(path->begin(), path->end(), [](char c) { return c > ' ' && c < 0x7f; });
        if (fault || !plain)
            section.fault("path", (fault ? *fault : "must be plain ASCII without spaces") + ", not \"" + *path + '"');
        out.path = *path;
    }
    section.duration("interval", out.interval);
    section.duration("timeout", out.timeout);
    if (out.interval < std::chrono::milliseconds(100)) section.fault("interval", "must be at least \"100ms\"");
    section.no_others();
    return out;
}

// RFC 3986 §3.3: what may stand in a path as it is.
std::string encode_path(std::string_view path) {
    constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@/";
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string out;
    for (char c : path) {
        auto byte = static_cast<unsigned char>(c);
        if (plain.find(c) != std::string_view::npos)
            out += c;
        else
            out.append("%").append(1, hex[byte >> 4U]).append(1, hex[byte & 15U]);
    }
    return out;
}

std::optional<Rewrite> read_rewrite(Section& service, const std::optional<std::string>& path) {
    const toml::table* table = service.table("rewrite", "{ strip = \"/api\", prefix = \"/v2\" }");
    if (!table) return std::nullopt;
    Section section = service.below("rewrite", *table);
    auto part = [&](std::string_view key) {
        auto text = section.text(key);
        auto fault = text ? fault_of_path(*text) : std::nullopt;
        if (fault) section.fault(key, *fault + ", not \"" + *text + '"');
        std::string out = text && !fault ? *text : std::string{};
        if (out.ends_with('/')) out.pop_back();
        return out;
    };
    Rewrite out{part("strip"), encode_path(part("prefix"))};
    if (!out.strip.empty() && path && !covers(out.strip, *path))
        section.fault("strip",
                      "must be what the service's own path \"" + *path + "\" begins with, not \"" + out.strip + '"');
    section.no_others();
    return out;
}

}  // namespace

std::optional<UpstreamAddress> parse_upstream_address(const std::string& text, const std::filesystem::path& folder) {
    if (text.starts_with(unix_scheme)) {
        if (text.size() == unix_scheme.size() || text.find('\0') != std::string::npos) return std::nullopt;
        std::string path = (folder / text.substr(unix_scheme.size())).string();
        if (path.size() > max_socket_path) return std::nullopt;
        return UpstreamAddress{false, {}, 0, path};
    }
    auto url = boost::urls::parse_uri(text);
    bool https = url && url->scheme() == "https";
    if (!https && !(url && url->scheme() == "http")) return std::nullopt;
    std::string_view port_text(url->port().data(), url->port().size());
    auto port = port_text.empty() ? static_cast<std::uint16_t>(https ? 443 : 80) : parse_port(port_text);
    bool bare = (url->path().empty() || url->path() == "/") && !url->has_query() && !url->has_fragment();
    if (!port || !bare || !url->has_authority() || url->has_userinfo() || url->host().empty()) return std::nullopt;
    return UpstreamAddress{https, url->host_address(), *port};
}

UpstreamTls read_upstream_tls(Section& service, std::string_view key_of_table, const std::filesystem::path& folder) {
    UpstreamTls out;
    const toml::table* table = service.table(key_of_table, "{ ca = \"ca.pem\" }");
    if (!table) return out;
    Section section = service.below(key_of_table, *table);
    auto file = [&](std::string_view key) {
        auto text = section.text(key);
        return text ? folder / *text : std::filesystem::path{};
    };
    out.authorities = file("ca");
    out.certificate = file("cert");
    out.key = file("key");
    if (out.certificate.empty() != out.key.empty()) {
        bool certificate_missing = out.certificate.empty();
        section.fault(certificate_missing ? "cert" : "key", certificate_missing
                                                                ? "missing: key needs the certificate it belongs to"
                                                                : "missing: cert needs the key that belongs to it");
    }
    if (auto name = section.text("sni")) {
        constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
        if (name->size() > 253 || name->find_first_not_of(allowed) != std::string::npos)
            section.fault("sni",
                          "must be a host name without a port such as \"api.example.com\", not \"" + *name + '"');
        out.server_name = *name;
    }
    if (auto verify = section.flag("verify")) out.verify = *verify;
    section.no_others();
    return out;
}

std::vector<UpstreamHeader> read_upstream_headers(Section& service, std::string_view key_of_table,
                                                  const std::filesystem::path& folder, const Environment& environment) {
    std::vector<UpstreamHeader> out;
    const toml::table* table = service.table(key_of_table, "{ \"X-Api-Key\" = \"${API_KEY}\" }");
    if (!table) return out;
    Section section = service.below(key_of_table, *table);
    for (const auto& [key, node] : *table) {
        std::string name(key.str());
        auto text = section.text(name);
        auto same = [&](const UpstreamHeader& other) { return codec::same_variable(other.name, name); };
        if (auto fault = fault_of_header_name(name)) {
            section.fault(name, *fault);
        } else if (std::any_of(out.begin(), out.end(), same)) {
            section.fault(name, "is there already, in another spelling");
        } else if (text) {
            auto value = read_header_value(*text, folder, environment);
            if (!value) section.fault(name, detail(value.error()));
            out.push_back({name, value ? *value : SecretText{}});
        }
    }
    return out;
}

std::string UpstreamAddress::authority() const {
    if (!socket.empty()) return "localhost";
    bool v6 = host.find(':') != std::string::npos;
    return (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

std::string UpstreamAddress::url() const {
    if (!socket.empty()) return std::string(unix_scheme) + socket;
    return (tls ? "https://" : "http://") + authority();
}

std::optional<Upstream> read_upstream(Section& section, const std::filesystem::path& folder,
                                      const Environment& environment, const std::optional<std::string>& path,
                                      bool may_lack) {
    Upstream out;
    out.addresses = read_addresses(section, folder, may_lack);
    out.health = read_health(section);
    out.tls = read_upstream_tls(section, "upstream_tls", folder);
    out.headers = read_upstream_headers(section, "upstream_headers", folder, environment);
    out.rewrite = read_rewrite(section, path);
    bool any_tls = std::any_of(out.addresses.begin(), out.addresses.end(), [](const auto& one) { return one.tls; });
    if (section.has("upstream_tls") && !out.addresses.empty() && !any_tls)
        section.fault("upstream_tls", "is for https:// upstreams, and this service has none");
    if (!out.addresses.empty()) return out;
    if (!may_lack || section.has("upstream")) return std::nullopt;
    for (std::string_view key : {"health", "upstream_tls", "upstream_headers", "rewrite"}) {
        if (section.has(key)) section.fault(key, "needs an upstream, and this service has none");
    }
    return out;
}

}  // namespace millrace::config
