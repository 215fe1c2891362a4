#include "contrib/client/options.hpp"

#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::client;

namespace {

const Environment environment{"/home/a", ""};

Options parsed(const std::vector<std::string>& arguments) {
    return std::get<Options>(parse_options(arguments, environment));
}
Stop stopped(const std::vector<std::string>& arguments) {
    return std::get<Stop>(parse_options(arguments, environment));
}

}  // namespace

TEST_CASE("a URL alone is a GET with the default limits and places") {
    const Options options = parsed({"http://h/"});
    CHECK(options.url == "http://h/");
    CHECK(options.method == "GET");
    CHECK(options.rpc == "/home/a/.lightning/bitcoin/lightning-rpc");
    CHECK(options.directory == "/home/a/.local/share/millrace");
    CHECK(options.limits.max_cost == Msat(1'000'000));
    CHECK(options.limits.max_fee == Msat(10'000));
    CHECK(options.max_pow_bits == 22);
    CHECK(parsed({"--max-pow-bits", "0", "http://h/"}).max_pow_bits == 0);
    CHECK(stopped({"--max-pow-bits", "33", "http://h/"}).exit == Exit::usage);
    const auto elsewhere = parse_options({"http://h/"}, {"/home/a", "/data"});
    CHECK(std::get<Options>(elsewhere).directory == "/data/millrace");
}

TEST_CASE("every option arrives") {
    const Options options = parsed({"--rpc",
                                    "/s",
                                    "--max-cost-msat",
                                    "7",
                                    "--max-fee-msat",
                                    "8",
                                    "-X",
                                    "PUT",
                                    "-d",
                                    "body",
                                    "-H",
                                    "A: b",
                                    "-H",
                                    "C:d:e",
                                    "-o",
                                    "f",
                                    "--dir",
                                    "/d",
                                    "--ca-file",
                                    "/c",
                                    "--timeout",
                                    "9",
                                    "--retry-for",
                                    "10",
                                    "-v",
                                    "https://h/x"});
    CHECK(options.rpc == "/s");
    CHECK(options.limits.max_cost == Msat(7));
    CHECK(options.limits.max_fee == Msat(8));
    CHECK(options.limits.retry_for == std::chrono::seconds(10));
    CHECK(options.method == "PUT");
    CHECK(options.body == "body");
    REQUIRE(options.headers.size() == 2);
    CHECK(options.headers[0] == std::pair<std::string, std::string>("A", "b"));
    CHECK(options.headers[1] == std::pair<std::string, std::string>("C", "d:e"));
    CHECK(options.output == "f");
    CHECK(options.directory == "/d");
    CHECK(options.ca_file == "/c");
    CHECK(options.timeout == std::chrono::seconds(9));
    CHECK(options.verbose);
}

TEST_CASE("a body makes it a POST unless a method is named") {
    CHECK(parsed({"-d", "x", "http://h/"}).method == "POST");
    CHECK(parsed({"-d", "", "http://h/"}).method == "POST");
    CHECK(parsed({"-d", "x", "-X", "PATCH", "http://h/"}).method == "PATCH");
}

TEST_CASE("a wrong command line is a usage error that says so") {
    const std::vector<std::vector<std::string>> cases = {
        {},
        {"--no-such-option", "http://h/"},
        {"--max-cost-msat", "-1", "http://h/"},
        {"--max-cost-msat", "1.5", "http://h/"},
        {"--max-cost-msat", "2100000000000000001", "http://h/"},
        {"--timeout", "0", "http://h/"},
        {"-H", "no colon", "http://h/"},
        {"-H", "bad name: x", "http://h/"},
        {"-H", "a: x\r\nb: y", "http://h/"},
        {"-X", "GET /", "http://h/"},
        {"-d", "@/no/such/file", "http://h/"},
        {"http://h/", "http://other/"},
    };
    for (const auto& arguments : cases) {
        INFO((arguments.empty() ? std::string("nothing") : arguments.front() + " " + arguments.back()));
        const Stop stop = stopped(arguments);
        CHECK(stop.exit == Exit::usage);
        CHECK(stop.text.starts_with("millrace-get: "));
    }
}

TEST_CASE("help names every option and exit code, version the version") {
    const Stop help = stopped({"--help"});
    CHECK(help.exit == Exit::ok);
    for (const char* word :
         {"--rpc", "--max-cost-msat", "--max-fee-msat", "-X", "-d", "-H", "-o", "--dir", "-v", "Exit status"}) {
        INFO(word);
        CHECK(help.text.find(word) != std::string::npos);
    }
    CHECK(stopped({"--version"}).text == std::string("millrace-get ") + MILLRACE_VERSION + "\n");
}
