#include "service/config/read_admin.hpp"

#include <algorithm>

#include "service/config/header_value.hpp"
#include "service/config/listen.hpp"
#include "service/config/read_keys.hpp"

namespace millrace::config {
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

bool read_token_file(Reading& in, Asked key, std::optional<SecretText>& out) {
    auto file = in.section.text(key.name);
    if (!file) return false;
    auto token = read_header_value("file:" + *file, in.source.folder, {});
    if (!token) {
        in.section.fault(key.name, detail(token.error()));
        return false;
    }
    std::string_view fault = fault_of_admin_token(token->reveal());
    if (!fault.empty()) {
        in.section.fault(key.name, "the token in " + (in.source.folder / *file).string() + ' ' + std::string(fault));
        return false;
    }
    out = *token;
    return true;
}

void Admin::check(Reading& in, Admin& admin) {
    const bool reachable = admin.listen.kind == Listen::Kind::tcp && !admin.listen.address.host.empty();
    const bool named = in.section.has("read_token_file") || in.section.has("write_token_file");
    if (reachable && !named)
        in.section.fault(
            "write_token_file",
            "missing: an address that others on the machine can reach needs a token, at least 32 characters "
            "in a file; or read_token_file, where nothing is to be changed");
    if (admin.read_token && admin.read_token == admin.write_token)
        in.section.fault("read_token_file", "holds the token of write_token_file: who may only read needs another one");
}

}  // namespace millrace::config
