#include "service/config/read_admin.hpp"

#include <stdlib.h>

#include <fstream>

#include "service/config/load.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;

namespace {

const std::string rest = R"([listen]
address = "127.0.0.1:80"
[node]
gateway = "g.sock"
[store]
path = "m.db"
[[service]]
name = "weather"
path = "/weather/"
price_msat = 1000
upstream = "http://a"
)";

// A folder with token files: "good", "other", "short", "odd" and "empty".
class Folder {
  public:
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "millrace-admin-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
        write("good", std::string(32, 'g') + "\n");
        write("other", std::string(32, 'o'));
        write("short", "hunter2");
        write("odd", std::string(32, 'x') + "\nsecond line");
        write("empty", "\n");
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Result<config::Config> parse(const std::string& section) const {
        return config::parse(section + rest, (path_ / "m.toml").string(), {});
    }

  private:
    void write(const char* name, const std::string& text) const { std::ofstream(path_ / name) << text; }
    std::filesystem::path path_;
};

}  // namespace

TEST_CASE("an admin listener has tokens, or is a unix socket") {
    Folder folder;
    CHECK_FALSE(folder.parse("")->admin);
    auto tcp =
        folder.parse("[admin]\naddress = \"[::1]:9403\"\nread_token_file = \"good\"\nwrite_token_file = \"other\"\n");
    REQUIRE(tcp);
    CHECK(tcp->admin->listen.text() == "[::1]:9403");
    CHECK(tcp->admin->read_token->reveal() == std::string(32, 'g'));
    CHECK(tcp->admin->write_token->reveal() == std::string(32, 'o'));
    CHECK_FALSE(tcp->admin->open());
    auto reading = folder.parse("[admin]\naddress = \"127.0.0.1:0\"\nread_token_file = \"good\"\n");
    REQUIRE(reading);
    CHECK_FALSE(reading->admin->write_token);
    CHECK_FALSE(reading->admin->open());
    auto local = folder.parse("[admin]\naddress = \"unix:/run/a.sock\"\nmode = \"0600\"\n");
    REQUIRE(local);
    CHECK(local->admin->listen.mode == 0600);
    CHECK(local->admin->open());
}

TEST_CASE("a bad [admin] is refused with line, key and what would be right, and no token is shown") {
    Folder folder;
    const std::string tcp = "[admin]\naddress = \"127.0.0.1:9403\"\n";
    struct {
        std::string text;
        const char* fault;
    } const cases[] = {
        {tcp,
         "m.toml:1: admin.write_token_file: missing: an address that others on the machine can reach needs a token"},
        {"[admin]\n", "m.toml:1: admin.address: missing: where operators ask"},
        {tcp + "read_token_file = \"none\"\n", "m.toml:3: admin.read_token_file: the file"},
        {tcp + "read_token_file = \"short\"\n", "must have at least 32 characters"},
        {tcp + "read_token_file = \"odd\"\n", "m.toml:3: admin.read_token_file: "},
        {tcp + "write_token_file = \"empty\"\n", "m.toml:3: admin.write_token_file: what it stands for is empty"},
        {tcp + "read_token_file = \"good\"\nwrite_token_file = \"good\"\n", "holds the token of write_token_file"},
        {tcp + "mode = \"0600\"\nread_token_file = \"good\"\n", "m.toml:3: admin.mode: is for unix sockets"},
        {"[admin]\naddress = \"localhost:1\"\n", "m.toml:2: admin.address: must be a numeric address and a port"},
        {"[admin]\naddress = \"systemd\"\n", "or \"unix:\" and the path of a socket, not \"systemd\""},
    };
    for (const auto& one : cases) {
        auto config = folder.parse(one.text);
        INFO(one.text);
        REQUIRE_FALSE(config);
        INFO(config.error().message);
        CHECK(config.error().message.find(one.fault) != std::string::npos);
        CHECK(config.error().message.find("hunter2") == std::string::npos);
    }
}
