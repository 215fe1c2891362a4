#include "service/admin/authorization.hpp"

#include <algorithm>

#include "common/codec/ascii.hpp"
#include "common/crypto/hash.hpp"

namespace millrace::admin {
namespace {

constexpr std::string_view scheme = "bearer ";

bool same(const std::optional<config::SecretText>& token, const crypto::Digest& shown) {
    if (!token) return false;
    return crypto::equal_constant_time(crypto::sha256(as_bytes(token->reveal())), shown);
}

}  // namespace

std::optional<Role> role_of(const config::Admin& admin, std::string_view authorization) {
    if (admin.open()) return Role::write;
    auto fold = codec::to_lower;
    bool bearer =
        authorization.size() > scheme.size() && std::equal(scheme.begin(), scheme.end(), authorization.begin(),
                                                           [&](char wanted, char c) { return wanted == fold(c); });
    if (!bearer) return std::nullopt;
    std::string_view token = authorization.substr(scheme.size());
    token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
    crypto::Digest shown = crypto::sha256(as_bytes(token));
    bool write = same(admin.write_token, shown);
    bool read = same(admin.read_token, shown);
    if (write) return Role::write;
    if (read) return Role::read;
    return std::nullopt;
}

}  // namespace millrace::admin
