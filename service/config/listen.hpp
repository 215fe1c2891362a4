// [listen] and [admin]: where requests come in, and where operators ask.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "service/config/key.hpp"
#include "service/config/secret_text.hpp"

namespace millrace::config {

// A numeric address and a port: "127.0.0.1:8402", "[::1]:8402".
struct ListenAddress {
    std::string host;
    std::uint16_t port = 0;  // 0: the system chooses one
    bool operator==(const ListenAddress&) const = default;
    [[nodiscard]] std::string text() const;
};

struct TlsFiles {
    std::filesystem::path certificate;
    std::filesystem::path key;
    bool operator==(const TlsFiles&) const = default;
};

struct Listen;
bool read_place(Reading& in, Asked key, Listen& out);
bool read_own_place(Reading& in, Asked key, Listen& out);
bool read_mode(Reading& in, Asked key, Listen& out);
bool read_tls_file(Reading& in, Asked key, Listen& out);
bool read_numeric_address(Reading& in, Asked key, ListenAddress& out);
bool read_token_file(Reading& in, Asked key, std::optional<SecretText>& out);

// Where requests come in.
struct Listen {
    enum class Kind { tcp, unix_socket, systemd };
    Kind kind = Kind::tcp;
    ListenAddress address = {};                  // tcp
    std::filesystem::path socket = {};           // unix_socket
    unsigned mode = 0660;                        // of its file
    std::string name = {};                       // systemd: of the sockets that it passed; empty: the first one
    std::optional<TlsFiles> tls = std::nullopt;  // serves https
    bool forward_auth = false;                   // for a front proxy's questions; nothing is proxied from here
    unsigned threads = 0;                        // as this section says: Config::threads is what counts
    [[nodiscard]] std::string text() const;      // the address as in the file

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("address", Itself{}, by(read_place), "Where requests come in:")
                  .required("where requests come in, such as \"127.0.0.1:8402\""));
        visit(key("mode", Itself{}, by(read_mode), "Of a unix socket's file.").otherwise("\"0660\""));
        constexpr std::string_view tls_files = "PEM files of a certificate chain and its key: serve HTTPS";
        visit(key("tls_cert", Itself{}, by(read_tls_file), tls_files).otherwise("none"));
        visit(key("tls_key", Itself{}, by(read_tls_file), tls_files).otherwise("none"));
        visit(key("threads", &Listen::threads, Whole{1, 256}, "One number for all listeners.")
                  .otherwise("one for each core"));
        visit(key("forward_auth", &Listen::forward_auth, Flag{},
                  "a front proxy asks here whether the requests that it got may pass"));
    }
    static void check(Reading& in, Listen& listen);
};

// [admin]: the operator's own listener.
struct Admin {
    Listen listen = {};  // tcp or unix_socket
    std::optional<SecretText> read_token = std::nullopt;
    std::optional<SecretText> write_token = std::nullopt;  // reads too

    // Of a unix socket: whoever may open it may do everything.
    [[nodiscard]] bool open() const { return !read_token && !write_token; }

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("address", &Admin::listen, by(read_own_place), "An address and a port such as")
                  .required("where operators ask, such as \"127.0.0.1:9403\" or \"unix:/run/millraced/admin.sock\""));
        visit(key("mode", &Admin::listen, by(read_mode), "Of a unix socket's file.").otherwise("\"0660\""));
        constexpr std::string_view token_files = "Files that hold a token of at least 32 characters";
        visit(key("read_token_file", &Admin::read_token, by(read_token_file), token_files).otherwise("none"));
        visit(key("write_token_file", &Admin::write_token, by(read_token_file), token_files).otherwise("none"));
    }
    static void check(Reading& in, Admin& admin);
};

// [metrics]
struct MetricsKeys {
    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("address", Itself{}, by(read_numeric_address), "Where /metrics, /healthz and /readyz are.")
                  .required("where /metrics, /healthz and /readyz are, such as \"127.0.0.1:9402\""));
    }
};

}  // namespace millrace::config
