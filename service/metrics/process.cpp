#include "service/metrics/process.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace millrace::metrics {

void append_process_families(Families& out) {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    append_counter("process_cpu_seconds_total", "User and system CPU time spent.",
                   seconds(usage.ru_utime) + seconds(usage.ru_stime), out);

    // Where no descriptor is left for looking, they are left out.
    std::uint64_t virtual_pages = 0;
    std::uint64_t resident_pages = 0;
    if (std::ifstream("/proc/self/statm") >> virtual_pages >> resident_pages) {
        double page = static_cast<double>(sysconf(_SC_PAGESIZE));
        append_gauge("process_virtual_memory_bytes", "Virtual memory size.", static_cast<double>(virtual_pages) * page,
                     out);
        append_gauge("process_resident_memory_bytes", "Resident memory size.",
                     static_cast<double>(resident_pages) * page, out);
    }

    std::error_code unreadable;
    std::size_t descriptors = 0;
    for (std::filesystem::directory_iterator entry("/proc/self/fd", unreadable), end; !unreadable && entry != end;
         entry.increment(unreadable))
        ++descriptors;
    if (!unreadable) append_gauge("process_open_fds", "Open file descriptors.", static_cast<double>(descriptors), out);
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    append_gauge("process_max_fds", "Most file descriptors there may be.", static_cast<double>(limit.rlim_cur), out);
}

}  // namespace millrace::metrics
