// The process_* families that Prometheus client libraries export, out of /proc/self.
#pragma once

#include "service/metrics/families.hpp"

namespace millrace::metrics {

void append_process_families(Families& out);

}  // namespace millrace::metrics
