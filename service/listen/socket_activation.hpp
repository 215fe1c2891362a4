// Sockets that systemd opened before it started the service, sd_listen_fds(3):
//
//   LISTEN_PID      the process they are for
//   LISTEN_FDS      how many: descriptors 3, 4, ...
//   LISTEN_FDNAMES  their names, separated by colons: FileDescriptorName= of the socket unit, its name without that
#pragma once

#include <string>
#include <vector>

#include "common/result/error.hpp"
#include "service/config/environment.hpp"

namespace millrace::listen {

enum class ActivationErrc {
    malformed = 1,  // the variables contradict each other
};

struct ActivatedSocket {
    int descriptor = -1;
    std::string name;  // "unknown" where it has none
    bool operator==(const ActivatedSocket&) const = default;
};

// Empty where systemd passed none to the process `pid`. Errors: malformed.
[[nodiscard]] Result<std::vector<ActivatedSocket>> activated_sockets(const config::Environment& variable, long pid);

// Takes those that `address = "systemd:NAME"` means out of `passed`: all of that name; the first one where the name is
// empty. None where there is none.
[[nodiscard]] std::vector<ActivatedSocket> claim_sockets(std::vector<ActivatedSocket>& passed, const std::string& name);

}  // namespace millrace::listen

namespace millrace {
template <>
struct ErrcText<listen::ActivationErrc> {
    static constexpr const char* domain = "millrace.activation";
    static const char* text(listen::ActivationErrc errc);
};
}  // namespace millrace
