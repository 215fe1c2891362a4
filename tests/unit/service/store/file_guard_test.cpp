#include "service/store/file_guard.hpp"

#include <unistd.h>

#include <fstream>

#include "tests/unit/catch.hpp"

using namespace millrace::store;
namespace fs = std::filesystem;

namespace {

struct Folder {
    fs::path path = fs::temp_directory_path() / ("mrguard" + std::to_string(::getpid()));
    fs::path file = path / "m.db";
    Folder() {
        fs::remove_all(path);
        fs::create_directories(path);
        for (const char* end : {"", "-wal", "-shm", ".lock"}) write(file.string() + end, "ours");
    }
    ~Folder() { fs::remove_all(path); }
    static void write(const fs::path& to, const std::string& text) { std::ofstream(to) << text; }
};

}  // namespace

TEST_CASE("M16: a file that was moved away, deleted or replaced is told, and is well when it is back") {
    Folder folder;
    FileGuard guard(folder.file, [] { return true; });
    CHECK_FALSE(guard.fault());
    for (const char* end : {"", "-wal", "-shm", ".lock"}) {
        const fs::path one = folder.file.string() + end;
        const fs::path aside = folder.path / "aside";
        fs::rename(one, aside);
        REQUIRE(guard.fault());
        CHECK(guard.fault()->find(one.string() + " was moved away") != std::string::npos);
        Folder::write(one, "another");
        CHECK(guard.fault()->find("was replaced") != std::string::npos);
        fs::rename(aside, one);
        CHECK_FALSE(guard.fault());
    }
    fs::rename(folder.path, folder.path.string() + ".away");
    CHECK(guard.fault());
    fs::rename(folder.path.string() + ".away", folder.path);
    CHECK_FALSE(guard.fault());
}

TEST_CASE("M16: a file that was overwritten in place is told by what is in it") {
    Folder folder;
    bool ours = true;
    int asked = 0;
    FileGuard guard(folder.file, [&] {
        ++asked;
        return ours;
    });
    CHECK_FALSE(guard.fault());
    CHECK(asked == 1);
    ours = false;
    CHECK_FALSE(guard.fault());  // nothing was written since
    Folder::write(folder.file, "another one");
    REQUIRE(guard.fault());
    CHECK(guard.fault()->find("was overwritten") != std::string::npos);
    ours = true;
    CHECK_FALSE(guard.fault());
}

TEST_CASE("M16: a log that is not there yet is watched from when it is") {
    Folder folder;
    fs::remove(folder.file.string() + "-wal");
    FileGuard guard(folder.file, [] { return true; });
    CHECK_FALSE(guard.fault());
    Folder::write(folder.file.string() + "-wal", "new");
    CHECK_FALSE(guard.fault());
    fs::remove(folder.file.string() + "-wal");
    CHECK(guard.fault());
}
