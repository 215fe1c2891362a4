// Who asks the admin API: the role that a bearer token stands for (RFC 6750).
//
//   no tokens configured (unix sockets only)   -> write
//   "Bearer " and the write token              -> write
//   "Bearer " and the read token               -> read
//   anything else                              -> nobody
//
// Both tokens are always compared, over hashes of one length, so that the time says nothing of either.
#pragma once

#include <optional>
#include <string_view>

#include "service/admin/message.hpp"
#include "service/config/config.hpp"

namespace millrace::admin {

// `authorization` is the field's value; empty where there is none.
[[nodiscard]] std::optional<Role> role_of(const config::Admin& admin, std::string_view authorization);

[[nodiscard]] constexpr bool may(Role role, Role needed) {
    return role == Role::write || needed == Role::read;
}

[[nodiscard]] constexpr std::string_view name(Role role) {
    return role == Role::write ? "write" : "read";
}

}  // namespace millrace::admin
