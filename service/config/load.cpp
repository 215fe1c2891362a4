#include "service/config/load.hpp"

#include <algorithm>
#include <array>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <fstream>
#include <iterator>

#include "common/ids/ids.hpp"
#include "service/config/read_keys.hpp"
#include "service/config/read_service.hpp"

namespace millrace::config {
namespace {

constexpr std::array<std::string_view, 7> log_levels = {"trace", "debug",    "info", "warning",
                                                        "error", "critical", "off"};

// The names of rows.
class Names {
  public:
    explicit Names(Section& section) : section_(section) {}

    template <class Field, class As>
    void operator()(const Key<Field, As>& row) {
        section_.know(row.name);
    }

  private:
    Section& section_;
};

}  // namespace

void Limits::check(Reading& in, Limits& limits) {
    if (in.section.has("target") && limits.target > limits.header)
        in.section.fault("target", "must not be more than limits.header");
    limits.target = std::min(limits.target, limits.header);
}

bool read_node_id(Reading& in, Asked key, std::string& out) {
    auto id = in.section.text(key.name);
    if (!id) return false;
    const auto known = NodeId::from_hex(*id);
    if (!known)
        in.section.fault(key.name, "must be the id of the node, 66 hex digits, as `lightning-cli getinfo` shows it");
    else
        out = known->hex();
    return known.has_value();
}

bool read_log_level(Reading& in, Asked key, std::string& out) {
    auto level = in.section.text(key.name);
    if (!level) return false;
    out = *level;
    const bool known = std::find(log_levels.begin(), log_levels.end(), *level) != log_levels.end();
    if (!known)
        in.section.fault(key.name,
                         "must be one of trace, debug, info, warning, error, critical, off, not \"" + *level + '"');
    return known;
}

bool read_uri(Reading& in, Asked key, std::string& out) {
    auto uri = in.section.text(key.name);
    if (!uri) return false;
    auto parsed = boost::urls::parse_uri(*uri);
    const bool web = parsed && (parsed->scheme() == "https" || parsed->scheme() == "http");
    if (!web)
        in.section.fault(key.name, "must be an address such as \"https://example.com\", not \"" + *uri + '"');
    else
        out = *uri;
    return web;
}

bool read_services(Reading& in, Asked key, Config& out) {
    const toml::node* node = in.section.node(key.name);
    const toml::array* array = node ? node->as_array() : nullptr;
    if (!node && out.admin) return true;  // they come through the admin API
    if (!array || array->empty()) {
        in.section.fault(key.name, "missing: at least one [[service]] to sell");
        return false;
    }
    const Source source{in.source.folder, in.source.environment, takes_questions(out)};
    for (const toml::node& element : *array) {
        if (!element.is_table()) {
            in.section.faults().note(static_cast<std::uint32_t>(element.source().begin.line), key.name,
                                     "must be a table: [[service]]");
            continue;
        }
        if (auto service = read_service(*element.as_table(), source, in.section.faults()))
            out.services.push_back(std::move(*service));
    }
    check_services(out.services, in.section.faults());
    return true;
}

Result<Config> parse(std::string_view text, std::string_view file, const Environment& environment) {
    toml::table root;
    try {
        root = toml::parse(text, file);
    } catch (const toml::parse_error& error) {
        return Error{to_error_code(Errc::bad_syntax), std::string(file) + ':' +
                                                          std::to_string(error.source().begin.line) +
                                                          ": not TOML: " + std::string(error.description())};
    }
    Config config;
    Faults faults(file);
    const std::filesystem::path folder = std::filesystem::path(file).parent_path();
    const Source source{folder, environment};
    Section sections(&root, {}, 1, faults);
    Config::keys(Names(sections));
    sections.no_others();  // first: whoever misspells a section sees that in front of what follows from it
    Reading in{sections, source};
    Config::keys(KeyReader<Config>(in, config));
    if (!faults.none()) return Error{to_error_code(Errc::bad_value), faults.text()};
    return config;
}

Result<Config> load(const std::filesystem::path& file, const Environment& environment) {
    std::ifstream in(file, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (!in.good() && !in.eof())
        return fail(Errc::unreadable, file.string() + ": no such file, or no permission to read it");
    return parse(text, file.string(), environment);
}

}  // namespace millrace::config
