#include "service/config/read_upstream.hpp"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>

#include "common/codec/field_name.hpp"
#include "service/config/header_value.hpp"
#include "service/config/path_rules.hpp"
#include "service/config/read_keys.hpp"

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

// A path that is stripped or put in front: without a slash at the end.
std::optional<std::string> read_part(Reading& in, Asked key) {
    auto text = in.section.text(key.name);
    auto fault = text ? fault_of_path(*text) : std::nullopt;
    if (fault) in.section.fault(key.name, *fault + ", not \"" + *text + '"');
    if (!text || fault) return std::nullopt;
    if (text->ends_with('/')) text->pop_back();
    return text;
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

bool read_addresses(Reading& in, Asked key, std::vector<UpstreamAddress>& out) {
    // Front proxies ask for a service without one.
    const bool may_lack = in.source.forward_auth;
    const std::vector<std::string> texts =
        in.section.text_or_texts(key.name, may_lack ? std::string_view() : key.wanted);
    if (texts.size() > Upstream::max_addresses)
        in.section.fault(key.name, "must be at most " + std::to_string(Upstream::max_addresses) + " addresses");
    for (const std::string& text : texts) {
        auto address = parse_upstream_address(text, in.source.folder);
        if (!address) {
            in.section.fault(
                key.name,
                "must be http:// or https:// with a host and no path, such as \"http://127.0.0.1:9000\", or "
                "unix: and the path of a socket of at most 107 bytes, not \"" +
                    text + '"');
        } else if (std::find(out.begin(), out.end(), *address) != out.end()) {
            in.section.fault(key.name, "must not name \"" + text + "\" twice");
        } else {
            out.push_back(std::move(*address));
        }
    }
    return !out.empty() || (may_lack && !in.section.has(key.name));
}

bool read_health_path(Reading& in, Asked key, std::string& out) {
    auto path = in.section.text(key.name, key.wanted);
    if (!path) return false;
    auto fault = fault_of_path(*path);
    bool plain = std::all_of(path->begin(), path->end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (fault || !plain)
        in.section.fault(key.name, (fault ? *fault : "must be plain ASCII without spaces") + ", not \"" + *path + '"');
    out = *path;
    return !fault && plain;
}

bool read_stripped(Reading& in, Asked key, std::string& out) {
    auto part = read_part(in, key);
    if (part) out = *part;
    return part.has_value();
}

bool read_prefix(Reading& in, Asked key, std::string& out) {
    auto part = read_part(in, key);
    if (part) out = encode_path(*part);
    return part.has_value();
}

bool read_sni(Reading& in, Asked key, std::string& out) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    auto name = in.section.text(key.name);
    if (!name) return false;
    const bool good = name->size() <= 253 && name->find_first_not_of(allowed) == std::string::npos;
    if (!good)
        in.section.fault(key.name,
                         "must be a host name without a port such as \"api.example.com\", not \"" + *name + '"');
    out = *name;
    return good;
}

void UpstreamTls::check(Reading& in, UpstreamTls& tls) {
    if (tls.certificate.empty() == tls.key.empty()) return;
    if (tls.certificate.empty())
        in.section.fault("cert", "missing: key needs the certificate it belongs to");
    else
        in.section.fault("key", "missing: cert needs the key that belongs to it");
}

bool read_upstream_headers(Reading& in, Asked key, std::vector<UpstreamHeader>& out) {
    const toml::table* table = in.section.table(key.name, "{ \"X-Api-Key\" = \"${API_KEY}\" }");
    if (!table) return false;
    Section section = in.section.below(key.name, *table);
    for (const auto& [field, node] : *table) {
        std::string name(field.str());
        auto text = section.text(name);
        auto same = [&](const UpstreamHeader& other) { return codec::same_variable(other.name, name); };
        if (auto fault = fault_of_header_name(name)) {
            section.fault(name, *fault);
        } else if (std::any_of(out.begin(), out.end(), same)) {
            section.fault(name, "is there already, in another spelling");
        } else if (text) {
            auto value = read_header_value(*text, in.source.folder, in.source.environment);
            if (!value) section.fault(name, detail(value.error()));
            out.push_back({name, value ? *value : SecretText{}});
        }
    }
    return true;
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

void check_upstream(Reading& in, const Service& service) {
    Section& section = in.section;
    const Upstream& upstream = service.upstream;
    const bool any_tls =
        std::any_of(upstream.addresses.begin(), upstream.addresses.end(), [](const auto& one) { return one.tls; });
    if (section.has("upstream_tls") && !upstream.addresses.empty() && !any_tls)
        section.fault("upstream_tls", "is for https:// upstreams, and this service has none");
    if (upstream.rewrite && !upstream.rewrite->strip.empty() && !service.path.text().empty()) {
        const std::string path(service.path.root());
        if (!covers(upstream.rewrite->strip, path))
            section.inside("rewrite").fault("strip", "must be what the service's own path \"" + path +
                                                         "\" begins with, not \"" + upstream.rewrite->strip + '"');
    }
    if (!without_upstream(in)) return;
    for (std::string_view key : {"health", "upstream_tls", "upstream_headers", "rewrite"}) {
        if (section.has(key)) section.fault(key, "needs an upstream, and this service has none");
    }
}

bool without_upstream(const Reading& in) {
    return in.source.forward_auth && !in.section.has("upstream");
}

}  // namespace millrace::config
