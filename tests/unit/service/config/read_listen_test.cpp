#include "service/config/load.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;

namespace {

const std::string rest = R"([node]
gateway = "g.sock"
[store]
path = "m.db"
[[service]]
name = "weather"
path = "/weather/"
price_msat = 1000
upstream = "http://a"
)";

}  // namespace

TEST_CASE("one listener or several, of each kind") {
    auto config = config::parse(R"([[listen]]
address = "127.0.0.1:80"
threads = 2
[[listen]]
address = "[::]:443"
tls_cert = "cert.pem"
tls_key = "/key.pem"
[[listen]]
address = "unix:/run/millraced/http.sock"
mode = "0600"
[[listen]]
address = "unix:http.sock"
[[listen]]
address = "systemd"
[[listen]]
address = "systemd:web"
threads = 2
)" + rest,
                                "/etc/m.toml");
    REQUIRE(config);
    CHECK(config->threads == 2);
    std::vector<std::string> texts;
    for (const config::Listen& one : config->listen) texts.push_back(one.text());
    CHECK(texts == std::vector<std::string>{"127.0.0.1:80", "[::]:443", "unix:/run/millraced/http.sock",
                                            "unix:/etc/http.sock", "systemd", "systemd:web"});
    CHECK_FALSE(config->listen[0].tls);
    CHECK(config->listen[1].tls == config::TlsFiles{"/etc/cert.pem", "/key.pem"});
    CHECK(config->listen[2].mode == 0600);
    CHECK(config->listen[3].mode == 0660);
    CHECK(config->listen[5].name == "web");
}

TEST_CASE("a bad listener is refused with line, key and what would be right") {
    const char* numeric = ": listen.address: must be a numeric address and a port, such as";
    struct {
        std::string text;
        std::string fault;
    } const cases[] = {
        {"listen = 1\n", "m.toml:1: listen: must be a table: [listen], or several: [[listen]]"},
        {"listen = []\n", "m.toml:1: listen.address: missing: where requests come in"},
        {"listen = [1]\n", "m.toml:1: listen: must be a table: [[listen]]"},
        {"[[listen]]\naddress = \"127.0.0.1:1\"\n[[listen]]\n", "m.toml:3: listen.address: missing: where requests"},
        {"[listen]\naddress = \"unix:\"\n", std::string("m.toml:2") + numeric},
        {"[listen]\naddress = \"systemd:\"\n", std::string("m.toml:2") + numeric},
        {"[listen]\naddress = \"systemdx\"\n", std::string("m.toml:2") + numeric},
        {"[[listen]]\naddress = \"127.0.0.1:1\"\n[[listen]]\naddress = \"127.0.0.1:01\"\n",
         "m.toml:4: listen.address: \"127.0.0.1:01\" is there already"},
        {"[[listen]]\naddress = \"systemd\"\n[[listen]]\naddress = \"systemd\"\n",
         "m.toml:4: listen.address: \"systemd\" is there already"},
        {"[listen]\naddress = \"127.0.0.1:1\"\nmode = \"0660\"\n", "m.toml:3: listen.mode: is for unix sockets"},
        {"[listen]\naddress = \"unix:a\"\nmode = \"rw\"\n",
         "m.toml:3: listen.mode: must be a file's mode in octal digits, such as \"0660\", not \"rw\""},
        {"[listen]\naddress = \"unix:a\"\nmode = \"1777\"\n", "m.toml:3: listen.mode: must be a file's mode"},
        {"[listen]\naddress = \"unix:a\"\nmode = \"088\"\n", "m.toml:3: listen.mode: must be a file's mode"},
        {"[listen]\naddress = \"unix:a\"\nmode = 660\n", "m.toml:3: listen.mode: must be text in quotes"},
        {"[[listen]]\naddress = \"systemd\"\nthreads = 2\n[[listen]]\naddress = \"systemd:a\"\nthreads = 3\n",
         "m.toml:6: listen.threads: is one number for all listeners, and another one says 2"},
        {"[[listen]]\naddress = \"systemd\"\nport = 1\n",
         "m.toml:3: listen.port: unknown key; known here: address, mode, tls_cert, tls_key, threads"},
    };
    for (const auto& c : cases) {
        INFO(c.text);
        auto config = config::parse(c.text + rest, "m.toml");
        std::string said = config ? "good" : config.error().message;
        INFO(said);
        CHECK(said.find(c.fault) != std::string::npos);
    }
    CHECK(config::parse("[[listen]]\naddress = \"127.0.0.1:0\"\n[[listen]]\naddress = \"127.0.0.1:0\"\n" + rest, "m"));
}
