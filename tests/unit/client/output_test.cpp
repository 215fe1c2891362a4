#include "contrib/client/output.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::client;

namespace {

class Folder {
  public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "millrace-out-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
        path_ = name;
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

std::string contents(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("C5: a file that was there keeps its contents until the response begins") {
    Folder folder;
    const std::string path = folder / "out";
    std::ofstream(path) << "what was there before";
    {
        Output unused = Output::open(path).value();
        CHECK(contents(path) == "what was there before");
    }
    CHECK(contents(path) == "what was there before");
    Output output = Output::open(path).value();
    REQUIRE(output.start());
    CHECK(output.write("new"));
    CHECK(output.write(""));
    REQUIRE(output.finish());
    CHECK(contents(path) == "new");
}

TEST_CASE("C5: a file made for a response that never came is removed again") {
    Folder folder;
    const std::string path = folder / "out";
    {
        Output output = Output::open(path).value();
        CHECK(std::filesystem::exists(path));
        const Output moved = std::move(output);
    }
    CHECK_FALSE(std::filesystem::exists(path));
    {
        Output output = Output::open(path).value();
        REQUIRE(output.start());
        REQUIRE(output.finish());
    }
    CHECK(std::filesystem::exists(path));
}

TEST_CASE("C5: what cannot be opened says which file and why") {
    Folder folder;
    std::filesystem::create_directory(folder / "directory");
    for (const std::string& path : {folder / "directory", folder / "none/out", folder / "directory/"}) {
        INFO(path);
        const auto output = Output::open(path);
        REQUIRE_FALSE(output);
        CHECK(is(output.error(), OutputErrc::unusable));
        CHECK(output.error().message.find(path) != std::string::npos);
    }
}

TEST_CASE("C5: a disk that is full is an error, and the first one is told") {
    Output output = Output::open("/dev/full").value();
    REQUIRE(output.start());
    CHECK_FALSE(output.write("x"));
    CHECK_FALSE(output.write("y"));
    const auto finished = output.finish();
    REQUIRE_FALSE(finished);
    CHECK(finished.error().message.find("No space left") != std::string::npos);
}
