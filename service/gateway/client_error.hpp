#pragma once

#include "common/result/error.hpp"

namespace millrace::gateway {

enum class ClientErrc {
    unavailable = 1,  // no connection to the plugin, or it did not answer in time
    rate_limited,     // the plugin's limit of challenges per second
    refused,          // the plugin answered with another error
    bad_answer,       // an answer that is not what the protocol says
    limited,          // a limit of the service's own, before the plugin was asked
    unrecordable,     // the store cannot be written, so that nothing is sold
    unpayable,        // nobody can pay the node now: it has no channel, or is off line
    foreign_node,     // the plugin serves another node than the one that this service sells for
};

}  // namespace millrace::gateway

namespace millrace {
template <>
struct ErrcText<gateway::ClientErrc> {
    static constexpr const char* domain = "millrace.gateway_client";
    static const char* text(gateway::ClientErrc errc);
};
}  // namespace millrace
