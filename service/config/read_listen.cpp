#include "service/config/read_listen.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>

namespace millrace::config {
namespace {

constexpr std::string_view wanted = "where requests come in, such as \"127.0.0.1:8402\"";
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
bool parse_place(std::string_view text, const std::filesystem::path& folder, Listen& out) {
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

// `placed`: the address says what kind of listener it is.
void read_mode(Section& section, bool placed, Listen& out) {
    auto mode = section.text("mode");
    if (!mode) return;
    auto value = parse_mode(*mode);
    if (!value) section.fault("mode", "must be a file's mode in octal digits, such as \"0660\", not \"" + *mode + '"');
    if (value) out.mode = *value;
    if (placed && out.kind != Listen::Kind::unix_socket) section.fault("mode", "is for unix sockets");
}

std::optional<TlsFiles> read_tls(Section& section, const std::filesystem::path& folder) {
    auto certificate = section.text("tls_cert");
    auto key = section.text("tls_key");
    if (certificate && !key) section.fault("tls_key", "missing: tls_cert needs the key that belongs to it");
    if (key && !certificate) section.fault("tls_cert", "missing: tls_key needs the certificate that belongs to it");
    if (!certificate || !key) return std::nullopt;
    return TlsFiles{folder / *certificate, folder / *key};
}

void read_one(const toml::table* table, const std::filesystem::path& folder, Config& config, Faults& faults) {
    Section section(table, "listen", table ? static_cast<std::uint32_t>(table->source().begin.line) : 1, faults);
    Listen out;
    auto text = section.text("address", wanted);
    if (text && !parse_place(*text, folder, out))
        section.fault("address", std::string(numeric) +
                                     "\"unix:\" and the path of a socket, or \"systemd\" or \"systemd:NAME\", not \"" +
                                     *text + '"');
    read_mode(section, text.has_value(), out);
    out.tls = read_tls(section, folder);
    if (auto threads = section.integer("threads", 1, 256)) {
        if (config.threads > 0 && config.threads != *threads)
            section.fault("threads",
                          "is one number for all listeners, and another one says " + std::to_string(config.threads));
        config.threads = static_cast<unsigned>(*threads);
    }
    out.forward_auth = section.flag("forward_auth").value_or(false);
    section.no_others();
    for (const Listen& other : config.listen) {
        bool chosen = out.kind == Listen::Kind::tcp && out.address.port == 0;
        if (text && !chosen && other.text() == out.text())
            section.fault("address", "\"" + *text + "\" is there already");
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

void read_listen(const toml::table& root, const std::filesystem::path& folder, Config& config, Faults& faults) {
    const toml::node* node = root.get("listen");
    const toml::array* array = node ? node->as_array() : nullptr;
    if (!array) {
        if (node && !node->is_table())
            faults.note(static_cast<std::uint32_t>(node->source().begin.line), "listen",
                        "must be a table: [listen], or several: [[listen]]");
        read_one(node ? node->as_table() : nullptr, folder, config, faults);
        return;
    }
    if (array->empty()) read_one(nullptr, folder, config, faults);
    for (const toml::node& element : *array) {
        if (element.is_table())
            read_one(element.as_table(), folder, config, faults);
        else
            faults.note(static_cast<std::uint32_t>(element.source().begin.line), "listen",
                        "must be a table: [[listen]]");
    }
}

bool takes_questions(const Config& config) {
    return std::any_of(config.listen.begin(), config.listen.end(),
                       [](const Listen& listen) { return listen.forward_auth; });
}

std::optional<Listen> read_own_listener(Section& section, const std::filesystem::path& folder,
                                        std::string_view required) {
    Listen out;
    auto text = section.text("address", required);
    bool good = text && parse_place(*text, folder, out) && out.kind != Listen::Kind::systemd;
    if (text && !good)
        section.fault("address", std::string(numeric) + "or \"unix:\" and the path of a socket, not \"" + *text + '"');
    read_mode(section, good, out);
    return good ? std::optional(out) : std::nullopt;
}

std::optional<ListenAddress> read_address(Section& section, std::string_view required) {
    auto text = section.text("address", required);
    if (!text) return std::nullopt;
    auto address = parse_address(*text);
    if (!address) section.fault("address", std::string(numeric) + "not \"" + *text + '"');
    return address;
}

}  // namespace millrace::config
