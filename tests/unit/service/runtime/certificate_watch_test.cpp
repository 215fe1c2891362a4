#include "service/runtime/certificate_watch.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::runtime;

namespace {

FileStamp stamp(ino_t inode, std::int64_t modified) {
    return {1, inode, 100, modified};
}

}  // namespace

TEST_CASE("a pair is loaded again once, after it has changed and then stood still") {
    const PairStamp first{stamp(1, 10), stamp(2, 10)};
    const PairStamp half{stamp(3, 20), stamp(2, 10)};
    const PairStamp second{stamp(3, 20), stamp(4, 20)};
    const PairStamp gone{stamp(3, 20), FileStamp{}};
    struct {
        const char* name;
        std::vector<PairStamp> seen;
        std::vector<bool> due;
    } const cases[] = {
        {"nothing happens", {first, first, first}, {false, false, false}},
        {"both are replaced", {first, second, second, second}, {false, false, true, false}},
        {"one after the other", {half, second, second}, {false, false, true}},
        {"one only", {half, half, half, second, second}, {false, true, false, false, true}},
        {"there and back", {second, first, first}, {false, false, false}},
        {"tried and back", {half, half, first, first, first}, {false, true, false, true, false}},
        {"one is gone for a while", {gone, gone, gone, second, second}, {false, true, false, false, true}},
        {"never still", {second, half, second, half}, {false, false, false, false}},
    };
    for (const auto& c : cases) {
        INFO(c.name);
        ReloadDecision decision(first);
        std::vector<bool> due;
        for (const PairStamp& seen : c.seen) due.push_back(decision.due(seen));
        CHECK(due == c.due);
    }
}

TEST_CASE("a stamp changes with a write, a replacement and a link that points elsewhere") {
    namespace fs = std::filesystem;
    const fs::path folder = fs::temp_directory_path() / ("millrace-stamp-" + std::to_string(::getpid()));
    fs::create_directory(folder);
    auto write = [&](const char* name, const char* text) { std::ofstream(folder / name) << text; };
    write("a1.pem", "one");
    write("a2.pem", "two");
    write("key.pem", "key");
    fs::create_symlink("a1.pem", folder / "cert.pem");
    const config::TlsFiles files{folder / "cert.pem", folder / "key.pem"};
    std::vector<PairStamp> stamps{stamp_of(files)};
    CHECK(stamp_of(files) == stamps[0]);
    fs::remove(folder / "cert.pem");
    stamps.push_back(stamp_of(files));
    fs::create_symlink("a2.pem", folder / "cert.pem");
    stamps.push_back(stamp_of(files));
    write("key.pem", "another key");
    stamps.push_back(stamp_of(files));
    write("new.pem", "another key");
    fs::rename(folder / "new.pem", folder / "key.pem");
    stamps.push_back(stamp_of(files));
    for (std::size_t i = 1; i < stamps.size(); ++i) CHECK_FALSE(stamps[i] == stamps[i - 1]);
    fs::remove_all(folder);
}
