// [clients]: who asks.
#pragma once

#include <string_view>
#include <vector>

#include "service/config/key.hpp"
#include "service/limits/network.hpp"

namespace millrace::config {

// What a trusted proxy may say of the request as it got it. The service, its price and its realm come from Host alone.
struct TrustedHeaders {
    bool proto = true;    // X-Forwarded-Proto: whether the client came by https
    bool host = false;    // X-Forwarded-Host: for links and the upstream
    bool prefix = false;  // X-Forwarded-Prefix: for links and the upstream
    bool operator==(const TrustedHeaders&) const = default;
};

bool read_networks(Reading& in, Asked key, std::vector<limits::Network>& out);
bool read_trusted_headers(Reading& in, Asked key, TrustedHeaders& out);

struct Clients {
    std::vector<limits::Network> trusted_proxies;  // believed in X-Forwarded-For
    TrustedHeaders trusted_headers;                // what else they are believed in
    std::vector<limits::Network> allow;            // empty: everybody
    std::vector<limits::Network> block;

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("trusted_proxies", &Clients::trusted_proxies, by(read_networks),
                  "whose X-Forwarded-For is believed: the client is the last address in it that is none of them.")
                  .otherwise("none"));
        visit(key("trusted_headers", &Clients::trusted_headers, by(read_trusted_headers),
                  "Which further fields of a trusted proxy are believed:")
                  .otherwise("[\"X-Forwarded-Proto\"]"));
        visit(key("allow", &Clients::allow, by(read_networks), "If given, nobody else is served (403).")
                  .otherwise("everybody"));
        visit(key("block", &Clients::block, by(read_networks), "Not served (403).").otherwise("none"));
    }
};

}  // namespace millrace::config
