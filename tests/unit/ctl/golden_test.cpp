// What operators and agents see of every command, byte for byte: each --help, and the answer to MCP's tools/list.
#include <sstream>

#include "service/ctl/mcp.hpp"
#include "service/ctl/options.hpp"
#include "tests/unit/catch.hpp"
#include "tests/unit/golden.hpp"

using namespace millrace::ctl;

namespace {

const std::string folder = MILLRACE_SOURCE "/tests/unit/ctl/golden/";

// The help of a command, one command or option a line. Headings and line breaks are CLI11's, and change with it.
std::string help(std::vector<std::string> arguments) {
    arguments.emplace_back("--help");
    std::istringstream in(std::get<Stop>(parse_options(arguments)).text);
    std::string out;
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with(' ')) continue;
        std::istringstream words(line);
        const bool continues = line.starts_with(std::string(12, ' '));
        if (!continues) out += "\n ";
        for (std::string word; words >> word;) out += ' ' + word;
    }
    return out + '\n';
}

}  // namespace

TEST_CASE("each command is helped with as it always was") {
    std::string shown = "millrace-ctl" + help({});
    for (const Operation& operation : millrace::operations::all()) {
        std::istringstream words{std::string(operation.command)};
        std::vector<std::string> arguments;
        for (std::string word; words >> word;) arguments.push_back(word);
        shown += std::string(operation.command) + help(arguments);
    }
    shown += "token" + help({"token"}) + "service" + help({"service"});
    CHECK(golden::difference(shown, folder + "help.txt") == "");
}

TEST_CASE("the tools are described as they always were") {
    Mcp mcp([](const Operation&, const Request&) -> millrace::Result<Reply> { return Reply{}; });
    auto listed = mcp.answer(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})");
    REQUIRE(listed);
    // A tool a line.
    for (std::size_t at = 0; (at = listed->find("},{\"name\"", at)) != std::string::npos;) listed->insert(at + 2, "\n");
    CHECK(golden::difference(*listed + '\n', folder + "tools.json") == "");
}
