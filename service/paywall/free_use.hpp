// Requests that are served for nothing, as they are counted and stored: by service and network prefix, in windows.
//
//   prefix tag := HMAC-SHA256(key, service || 00 || u64be(prefix))[0..16)      no address is kept
//   window     := from the prefix's first free request until `per` later
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/ids/ids.hpp"
#include "service/limits/network.hpp"

namespace millrace::paywall {

using PrefixTag = FixedBytes<struct PrefixTagTag, 16>;

[[nodiscard]] PrefixTag tag_of(const SecretKey& key, std::string_view service, limits::Prefix prefix);

// What one prefix has used in one window.
struct FreeUses {
    std::string service;
    PrefixTag prefix;
    std::chrono::sys_seconds started_at;
    std::chrono::sys_seconds ends_at;
    std::uint64_t used = 0;
};

}  // namespace millrace::paywall
