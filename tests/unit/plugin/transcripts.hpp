// htlc_accepted calls as lightningd v26.06.6 writes them to a plugin: the recorded ones where the recordings lie beside the
// source tree, else their essentials (the 1366 bytes of next_onion are left out).
#pragma once

#include <string>

namespace millrace::test {

[[nodiscard]] std::string htlc_accepted_final();
[[nodiscard]] std::string htlc_accepted_forward();

}  // namespace millrace::test
