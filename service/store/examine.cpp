#include "service/store/examine.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <fstream>

#include "service/store/migrations.hpp"

namespace millrace::store {
namespace {

using Clock = std::chrono::steady_clock;

// The check reads the whole file, as the start does anyway; one that takes longer than this is believed.
constexpr std::chrono::seconds check_time{10};
constexpr int operations_between_looks = 10'000;

// The header of a write-ahead log (https://www.sqlite.org/fileformat2.html#walformat), big-endian words:
//   0x377f0682 or ..83, version, page size, checkpoint number, salt, salt, checksum, checksum
// The checksum is of the words before it, which are read in the order of bytes that the lowest bit of the first says.
using LogHeader = std::array<std::uint32_t, 8>;

constexpr std::uint32_t log_magic = 0x377f0682;

std::uint32_t swapped(std::uint32_t word) {
    return __builtin_bswap32(word);
}

bool is_log_header(const LogHeader& header) {
    if ((header[0] & ~1U) != log_magic) return false;
    bool big_endian = (header[0] & 1U) != 0;
    std::uint32_t first = 0;
    std::uint32_t second = 0;
    for (std::size_t i = 0; i < 6; i += 2) {
        first += (big_endian ? header[i] : swapped(header[i])) + second;
        second += (big_endian ? header[i + 1] : swapped(header[i + 1])) + first;
    }
    return first == header[6] && second == header[7];
}

// SQLite takes a log that it cannot read for an empty one, and with it would go what was committed last. A crash leaves
// no such log: the header is on disk before the first commit is. One that is short or of zeros was never written.
bool log_is_damaged(const std::filesystem::path& file) {
    std::ifstream log(file.string() + "-wal", std::ios::binary);
    std::array<std::array<unsigned char, 4>, 8> raw{};
    for (auto& word : raw) {
        for (unsigned char& byte : word) {
            int read = log.get();
            if (read < 0) return false;
            byte = static_cast<unsigned char>(read);
        }
    }
    LogHeader header{};
    for (std::size_t i = 0; i < raw.size(); ++i) {
        for (unsigned char byte : raw[i]) header[i] = header[i] << 8U | byte;
    }
    bool empty = std::all_of(header.begin(), header.end(), [](std::uint32_t word) { return word == 0; });
    return !empty && !is_log_header(header);
}

// The first finding of SQLite's own check; empty where there is none, or the time was over before one.
std::string first_damage(SQLite::Database& database) {
    Clock::time_point deadline = Clock::now() + check_time;
    auto too_late = [](void* until) { return Clock::now() >= *static_cast<Clock::time_point*>(until) ? 1 : 0; };
    sqlite3_progress_handler(database.getHandle(), operations_between_looks, too_late, &deadline);
    std::string found;
    try {
        found = database.execAndGet("PRAGMA quick_check(1)").getString();
    } catch (const SQLite::Exception& error) {
        if (error.getErrorCode() != SQLITE_INTERRUPT) found = error.what();
    }
    sqlite3_progress_handler(database.getHandle(), 0, nullptr, nullptr);
    if (found == "ok") found.clear();
    std::replace(found.begin(), found.end(), '\n', ' ');
    return found;
}

Error damaged(const std::filesystem::path& file, const std::string& what) {
    return fail(Errc::corrupt, file.string() + ": " + what + ". " + remedy(file));
}

}  // namespace

std::string remedy(const std::filesystem::path& file) {
    std::string name = file.string();
    return "Stop millraced, keep a copy of " + name +
           "*, and put a backup in its place, or what can be saved: sqlite3 " + name +
           " .recover | sqlite3 recovered.db. Without the store every paid token works, but what tokens have used "
           "counts anew, and what was revoked works again";
}

Result<void> examine(const std::filesystem::path& file) {
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored) || std::filesystem::file_size(file, ignored) == 0) return {};
    try {
        SQLite::Database database(file.string(), SQLite::OPEN_READONLY, 5000);
        int version = database.execAndGet("PRAGMA user_version").getInt();
        int application = database.execAndGet("PRAGMA application_id").getInt();
        int newest = static_cast<int>(migrations().size());
        if (application != application_id)
            return fail(Errc::foreign, file.string() + ": choose another path for [store]");
        if (version > newest) {
            return fail(Errc::newer, file.string() + " has schema " + std::to_string(version) +
                                         ", this millraced knows up to " + std::to_string(newest) +
                                         ": run the newer one, or restore the backup made before the upgrade");
        }
        if (log_is_damaged(file))
            return damaged(file, "the write-ahead log beside it, with what was committed last, is not one");
        if (std::string damage = first_damage(database); !damage.empty()) return damaged(file, damage);
        return {};
    } catch (const SQLite::Exception& error) {
        if (error.getErrorCode() == SQLITE_CORRUPT) return damaged(file, error.what());
        std::string what = file.string() + ": " + error.what();
        // Its first bytes may have been overwritten; or it never was one.
        if (error.getErrorCode() == SQLITE_NOTADB)
            what += ": choose another path for [store]; if this is the store, it is damaged. " + remedy(file);
        return fail(Errc::cannot_open, what);
    }
}

}  // namespace millrace::store
