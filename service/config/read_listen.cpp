#include "service/config/listen.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>

#include "service/config/config.hpp"
#include "service/config/read_keys.hpp"

namespace millrace::config {
namespace {

constexpr std::string_view numeric =
    "must be a numeric address and a port, such as \"127.0.0.1:8402\" or \"[::1]:8402\", ";

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (errc != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return port;
}

std::optional<ListenAddress> parse_address(std::string_view text) {
    std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string host(text.substr(0, colon));
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    auto port = parse_port(text.substr(colon + 1));
    boost::system::error_code bad_host;
    auto address = boost::asio::ip::make_address(host, bad_host);
    if (!port || bad_host) return std::nullopt;
    return ListenAddress{address.to_string(), *port};
}

// address := numeric ":" port | "unix:" path | "systemd" [":" name]
bool parse_listen(std::string_view text, const std::filesystem::path& folder, Listen& out) {
    constexpr std::string_view unix_scheme = "unix:";
    constexpr std::string_view systemd = "systemd";
    if (text.starts_with(unix_scheme)) {
        out.kind = Listen::Kind::unix_socket;
        out.socket = folder / text.substr(unix_scheme.size());
        return text.size() > unix_scheme.size() && text.find('\0') == std::string_view::npos;
    }
    if (text.starts_with(systemd) && (text.size() == systemd.size() || text[systemd.size()] == ':')) {
        out.kind = Listen::Kind::systemd;
        out.name = text.substr(std::min(text.size(), systemd.size() + 1));
        return text.size() == systemd.size() || !out.name.empty();
    }
    auto address = parse_address(text);
    if (address) out.address = *address;
    return address.has_value();
}

std::optional<unsigned> parse_mode(std::string_view text) {
    unsigned mode = 0;
    auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    bool good = errc == std::errc{} && end == text.data() + text.size() && mode <= 0777 && text.size() >= 3;
    return good ? std::optional(mode) : std::nullopt;
}

void read_one(Reading& in, const toml::table* table, Config& config) {
    Section section(table, "listen", table ? static_cast<std::uint32_t>(table->source().begin.line) : 1,
                    in.section.faults());
    Reading below{section, in.source};
    Listen out;
    read_keys<Listen>(below, out);
    if (out.threads > 0) {
        if (config.threads > 0 && config.threads != out.threads)
            section.fault("threads",
                          "is one number for all listeners, and another one says " + std::to_string(config.threads));
        config.threads = out.threads;
    }
    for (const Listen& other : config.listen) {
        const bool chosen = out.kind == Listen::Kind::tcp && out.address.port == 0;
        if (!chosen && other.text() == out.text())
            section.fault("address", "\"" + section.text("address").value_or("") + "\" is there already");
    }
    config.listen.push_back(std::move(out));
}

}  // namespace

std::string ListenAddress::text() const {
    bool v6 = host.find(':') != std::string::npos;
    return (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

std::string Listen::text() const {
    switch (kind) {
        case Kind::tcp:
            break;
        case Kind::unix_socket:
            return "unix:" + socket.string();
        case Kind::systemd:
            return name.empty() ? "systemd" : "systemd:" + name;
    }
    return address.text();
}

bool read_listen(Reading& in, Asked key, Config& out) {
    const toml::node* node = in.section.node(key.name);
    const toml::array* array = node ? node->as_array() : nullptr;
    if (!array) {
        if (node && !node->is_table()) in.section.fault(key.name, "must be a table: [listen], or several: [[listen]]");
        read_one(in, node ? node->as_table() : nullptr, out);
        return true;
    }
    if (array->empty()) read_one(in, nullptr, out);
    for (const toml::node& element : *array) {
        if (element.is_table())
            read_one(in, element.as_table(), out);
        else
            in.section.faults().note(static_cast<std::uint32_t>(element.source().begin.line), key.name,
                                     "must be a table: [[listen]]");
    }
    return true;
}

bool takes_questions(const Config& config) {
    return std::any_of(config.listen.begin(), config.listen.end(),
                       [](const Listen& listen) { return listen.forward_auth; });
}

bool read_place(Reading& in, Asked key, Listen& out) {
    auto text = in.section.text(key.name, key.wanted);
    const bool good = text && parse_listen(*text, in.source.folder, out);
    if (text && !good)
        in.section.fault(key.name,
                         std::string(numeric) +
                             "\"unix:\" and the path of a socket, or \"systemd\" or \"systemd:NAME\", not \"" + *text +
                             '"');
    return good;
}

// An address of its own: TCP or a unix socket.
bool read_own_place(Reading& in, Asked key, Listen& out) {
    auto text = in.section.text(key.name, key.wanted);
    const bool good = text && parse_listen(*text, in.source.folder, out) && out.kind != Listen::Kind::systemd;
    if (!good) out = {};
    if (text && !good)
        in.section.fault(key.name,
                         std::string(numeric) + "or \"unix:\" and the path of a socket, not \"" + *text + '"');
    return good;
}

bool read_numeric_address(Reading& in, Asked key, ListenAddress& out) {
    auto text = in.section.text(key.name, key.wanted);
    if (!text) return false;
    auto address = parse_address(*text);
    if (!address)
        in.section.fault(key.name, std::string(numeric) + "not \"" + *text + '"');
    else
        out = *address;
    return address.has_value();
}

bool read_mode(Reading& in, Asked key, Listen& out) {
    auto mode = in.section.text(key.name);
    if (!mode) return false;
    auto value = parse_mode(*mode);
    if (!value)
        in.section.fault(key.name, "must be a file's mode in octal digits, such as \"0660\", not \"" + *mode + '"');
    else
        out.mode = *value;
    const bool placed = out.kind != Listen::Kind::tcp || !out.address.host.empty();
    if (placed && out.kind != Listen::Kind::unix_socket) in.section.fault(key.name, "is for unix sockets");
    return value.has_value();
}

bool read_tls_file(Reading& in, Asked key, Listen& out) {
    auto file = in.section.text(key.name);
    if (!file) return false;
    if (!out.tls) out.tls.emplace();
    (key.name == "tls_key" ? out.tls->key : out.tls->certificate) = in.source.folder / *file;
    return true;
}

void Listen::check(Reading& in, Listen& listen) {
    if (!listen.tls) return;
    if (listen.tls->key.empty()) in.section.fault("tls_key", "missing: tls_cert needs the key that belongs to it");
    if (listen.tls->certificate.empty())
        in.section.fault("tls_cert", "missing: tls_key needs the certificate that belongs to it");
}

}  // namespace millrace::config
