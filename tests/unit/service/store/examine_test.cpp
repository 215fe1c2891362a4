#include "service/store/examine.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <span>

#include "service/store/sqlite_store.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;

namespace {

struct Place {
    std::filesystem::path folder;
    std::filesystem::path file;

    Place() {
        std::string pattern = (std::filesystem::temp_directory_path() / "millrace-examine-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
        file = folder / "millrace.db";
    }
    ~Place() { std::filesystem::remove_all(folder); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    void make() const { CHECK(store::open_sqlite(file)); }
    [[nodiscard]] std::filesystem::path log() const { return file.string() + "-wal"; }
    static std::string read(const std::filesystem::path& from) {
        std::ifstream in(from, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    static void write(const std::filesystem::path& to, const std::string& bytes) {
        std::ofstream(to, std::ios::binary) << bytes;
    }
    [[nodiscard]] std::string found() const {
        Result<void> good = store::examine(file);
        if (good) return "good";
        if (good.error().code == to_error_code(store::Errc::corrupt)) return "corrupt";
        if (good.error().code == to_error_code(store::Errc::foreign)) return "foreign";
        return good.error().message;
    }
};

/// Every byte differs from what it was, whatever that was (salts of a log are random).
std::string garbled(std::string bytes, std::size_t at, std::size_t size) {
    for (char& byte : std::span(bytes).subspan(at, size)) byte = static_cast<char>(~byte);
    return bytes;
}

}  // namespace

TEST_CASE("a store is good, new, or refused before it is written to") {
    Place place;
    CHECK(place.found() == "good");
    Place::write(place.file, "");
    CHECK(place.found() == "good");
    place.make();
    CHECK(place.found() == "good");
    const std::string good = Place::read(place.file);
    const std::string damaged[] = {garbled(good, 100, 300), garbled(good, 4096, 4096), good.substr(0, good.size() / 2)};
    for (const std::string& bytes : damaged) {
        Place::write(place.file, bytes);
        CHECK(place.found() == "corrupt");
        CHECK(Place::read(place.file) == bytes);
    }
    for (const std::string& bytes : {garbled(good, 0, 16), std::string(1000, 't')}) {
        Place::write(place.file, bytes);
        CHECK(place.found().find("file is not a database: choose another path for [store]; if this is the store") !=
              std::string::npos);
    }
    Place::write(place.file, good);
    CHECK(place.found() == "good");
}

TEST_CASE("a new store is its tables or nothing: never a database without them") {
    Place place;
    place.make();
    // What a write-ahead log would have left in a first page of its own is there without one.
    std::filesystem::remove(place.log());
    CHECK(place.found() == "good");
    CHECK(store::open_sqlite(place.file));
}

TEST_CASE("a write-ahead log is empty, whole, or damage") {
    Place place;
    place.make();
    std::string log;
    {
        SQLite::Database writer(place.file.string(), SQLite::OPEN_READWRITE);
        writer.exec("INSERT INTO gateway_cursors (node_id, next_pay_index) VALUES ('n', 1)");
        log = Place::read(place.log());
    }
    REQUIRE(log.size() > 4096);
    struct Case {
        const char* what;
        std::string bytes;
        const char* found;
    };
    const Case cases[] = {
        {"whole", log, "good"},
        {"empty", "", "good"},
        {"a header that did not get there", log.substr(0, 31), "good"},
        {"zeros", std::string(4096, '\0'), "good"},
        {"a header alone", log.substr(0, 32), "good"},
        {"a last frame that did not get there", log.substr(0, log.size() - 100), "good"},
        {"no magic number", garbled(log, 0, 4), "corrupt"},
        {"another salt than the checksum is of", garbled(log, 17, 1), "corrupt"},
        {"another checksum", garbled(log, 30, 1), "corrupt"},
    };
    for (const Case& one : cases) {
        INFO(one.what);
        Place::write(place.log(), one.bytes);
        CHECK(place.found() == one.found);
        std::filesystem::remove(place.file.string() + "-shm");
    }
}
