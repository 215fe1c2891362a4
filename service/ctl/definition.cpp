#include "service/ctl/definition.hpp"

#include <toml++/toml.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <iostream>
#include <iterator>

#include "service/config/definition.hpp"

namespace millrace::ctl {
namespace {

Error bad(const std::string& what) {
    return fail(config::Errc::bad_syntax, what);
}

// The one service of a file that is written as the configuration is.
const toml::table* only_service(const toml::table& root) {
    const toml::array* services = root["service"].as_array();
    if (!services) return &root;
    return services->size() == 1 && root.size() == 1 ? services->get(0)->as_table() : nullptr;
}

}  // namespace

Result<std::string> to_definition(std::string_view text) {
    std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return bad("there is nothing in it");
    if (text[first] == '{') {
        boost::system::error_code failed;
        boost::json::value value = boost::json::parse(text, failed);
        if (failed) return bad("not JSON: " + failed.message());
        return boost::json::serialize(value);
    }
    try {
        toml::table root = toml::parse(text);
        const toml::table* service = only_service(root);
        if (!service) return bad("must hold one [[service]] and nothing else, or the keys of one");
        return boost::json::serialize(config::to_json(*service));
    } catch (const toml::parse_error& error) {
        return bad("line " + std::to_string(error.source().begin.line) +
                   ": not TOML: " + std::string(error.description()));
    }
}

Result<std::string> read_definition(const std::string& file) {
    if (file == "-") return to_definition(std::string(std::istreambuf_iterator<char>(std::cin), {}));
    std::ifstream in(file, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (!in.is_open() || in.bad()) return fail(config::Errc::unreadable, file + ": no such file, or no permission");
    return to_definition(text);
}

}  // namespace millrace::ctl
