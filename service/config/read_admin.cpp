#include "service/config/read_admin.hpp"

#include <algorithm>

#include "service/config/header_value.hpp"
#include "service/config/read_listen.hpp"

namespace millrace::config {
namespace {

std::optional<SecretText> read_token(Section& section, std::string_view key, const std::filesystem::path& folder) {
    auto file = section.text(key);
    if (!file) return std::nullopt;
    auto token = read_header_value("file:" + *file, folder, {});
    if (!token) {
        section.fault(key, detail(token.error()));
        return std::nullopt;
    }
    std::string_view fault = fault_of_admin_token(token->reveal());
    if (fault.empty()) return *token;
    section.fault(key, "the token in " + (folder / *file).string() + ' ' + std::string(fault));
    return std::nullopt;
}

}  // namespace

std::string_view fault_of_admin_token(std::string_view token) {
    auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("-._~+/=").find(c) != std::string_view::npos;
    };
    if (!std::all_of(token.begin(), token.end(), good))
        return "must have letters, digits and \"-._~+/=\" only, such as what \"openssl rand -hex 32\" prints";
    if (token.size() < min_admin_token)
        return "must have at least 32 characters, such as what \"openssl rand -hex 32\" prints";
    return {};
}

void read_admin(const toml::table* table, const std::filesystem::path& folder, Config& config, Faults& faults) {
    if (!table) return;
    Section section(table, "admin", static_cast<std::uint32_t>(table->source().begin.line), faults);
    auto listen = read_own_listener(
        section, folder, "where operators ask, such as \"127.0.0.1:9403\" or \"unix:/run/millraced/admin.sock\"");
    Admin admin;
    admin.read_token = read_token(section, "read_token_file", folder);
    admin.write_token = read_token(section, "write_token_file", folder);
    bool named = section.has("read_token_file") || section.has("write_token_file");
    if (listen && listen->kind == Listen::Kind::tcp && !named)
        section.fault("write_token_file",
                      "missing: an address that others on the machine can reach needs a token, at least 32 characters "
                      "in a file; or read_token_file, where nothing is to be changed");
    if (admin.read_token && admin.read_token == admin.write_token)
        section.fault("read_token_file", "holds the token of write_token_file: who may only read needs another one");
    section.no_others();
    if (!listen) return;
    admin.listen = *listen;
    config.admin = std::move(admin);
}

}  // namespace millrace::config
