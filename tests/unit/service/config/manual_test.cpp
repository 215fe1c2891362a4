// The rows of the configuration's keys (service/config/key.hpp) beside millraced.toml(5): each key is there, in the
// words of its row and with its default, and neither the manual nor doc/configuration.md has any other.
#include "tests/unit/service/config/manual.hpp"

#include <fstream>
#include <iterator>
#include <set>

#include "service/config/config.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::config;

namespace {

// Ways to write a default.
using Spellings = std::vector<std::string>;

template <class Period>
Spellings spell(std::chrono::duration<std::int64_t, Period> time) {
    using std::chrono::milliseconds;
    const std::int64_t ms = std::chrono::duration_cast<milliseconds>(time).count();
    Spellings out;
    for (const auto& [unit, size] : {std::pair("ms", 1), std::pair("s", 1000), std::pair("m", 60'000),
                                     std::pair("h", 3'600'000), std::pair("d", 86'400'000)}) {
        if (ms % size == 0) out.push_back(std::to_string(ms / size) + unit);
    }
    return out;
}

Spellings spell_size(std::uint64_t bytes) {
    Spellings out{std::to_string(bytes)};
    for (const auto& [unit, shift] : {std::pair(" KiB", 10U), std::pair(" MiB", 20U), std::pair(" GiB", 30U)}) {
        if (bytes % (1ULL << shift) == 0) out.push_back(std::to_string(bytes >> shift) + unit);
    }
    return out;
}

Spellings spell(const limits::Rate& rate) {
    Spellings out;
    for (const std::string& time : spell(std::chrono::duration_cast<std::chrono::milliseconds>(rate.time)))
        out.push_back(std::to_string(rate.count) + '/' + (time == "1s" ? "s" : time));
    return out;
}

// What is said of a key, as the manual is to say it.
struct Said {
    std::string section;  // heading of the manual
    std::string name;
    std::string inside;  // the key whose table it is in; empty: it is listed in the section
    std::string says;
    bool required = false;
    bool has_default = true;  // a table that is always there has those of its keys
    Spellings defaults = {};
};

// Spells the default of a row for the field of an object that nothing was read into.
struct Speller {
    template <class Value>
    Spellings operator()(const Whole&, const Value& value) const {
        if constexpr (requires { value.has_value(); })
            return {};
        else if constexpr (requires { value.value(); })
            return {std::to_string(value.value())};
        else
            return {std::to_string(value)};
    }
    template <class Value>
    Spellings operator()(const Size&, const Value& value) const {
        if constexpr (requires { value.has_value(); })
            return {};
        else
            return spell_size(value);
    }
    template <class Value>
    Spellings operator()(const Duration&, const Value& value) const {
        if constexpr (requires { value.has_value(); })
            return {};
        else
            return spell(value);
    }
    template <class Value>
    Spellings operator()(RateText, const Value& value) const {
        if constexpr (requires { value.has_value(); })
            return {};
        else
            return spell(value);
    }
    Spellings operator()(Flag, bool value) const { return {value ? "true" : "false"}; }
    template <class Value>
    Spellings operator()(Text, const Value& value) const {
        if constexpr (requires { value.has_value(); })
            return {};
        else
            return {value};
    }
    Spellings operator()(File, const std::filesystem::path& value) const { return {value.string()}; }
    template <class Value, std::size_t Count>
    Spellings operator()(const Choice<Value, Count>& as, const Value& value) const {
        for (const Word<Value>& word : as.words) {
            if (word.value == value) return {std::string(word.text)};
        }
        return {};
    }
    template <class Filled>
    Spellings operator()(const By<Filled>&, const std::string& value) const {
        return {value};
    }
    template <class As, class Value>
    Spellings operator()(const As&, const Value&) const {
        return {};
    }
};

// One into which nothing was read.
template <class Type>
Type untouched() {
    if constexpr (std::is_same_v<Type, Service>)
        return {.name = ServiceName::parse("unnamed").value()};
    else
        return {};
}

template <class As>
constexpr bool is_table(const As&) {
    return false;
}
template <class Rows>
constexpr bool is_table(const Table<Rows>&) {
    return true;
}

template <class Value>
Value present(const Value& value) {
    return value;
}
template <class Value>
Value present(const std::optional<Value>&) {
    return {};
}

// Where rows stand in the manual, and what is said of all of them in place of their own words.
struct Place {
    std::string section;      // "[[service]]"
    std::string path = {};    // "service", in front of the names of sections below it
    std::string inside = {};  // as Said::inside
    std::string says = {};
    std::string absent = {};
};

template <class Object>
class Lister;

template <class Rows, class Object>
void list_rows(std::vector<Said>& out, const Object& object, Place place) {
    Lister<Object> lister(out, object, std::move(place));
    Rows::keys(lister);
}

// Lists the rows of one object, and of those below it.
template <class Object>
class Lister {
  public:
    Lister(std::vector<Said>& out, const Object& object, Place place)
        : out_(out), object_(object), place_(std::move(place)) {}

    template <class Field, class As>
    void operator()(const Key<Field, As>& row) {
        const auto& value = field_of(object_, row.field);
        Said said{.section = place_.section,
                  .name = std::string(row.name),
                  .inside = place_.inside,
                  .says = place_.says.empty() ? std::string(row.says) : place_.says,
                  .required = !row.wanted.empty(),
                  .has_default = !is_table(row.as) || !row.absent.empty()};
        said.defaults = row.absent.empty() ? Speller()(row.as, value) : Spellings{std::string(row.absent)};
        if (!place_.absent.empty()) said.defaults = {place_.absent};
        out_.push_back(std::move(said));
        below(std::string(row.name), row.as, value);
    }

    template <class Field>
    void operator()(const Part<Field>& part) {
        const auto& inner = field_of(object_, part.field);
        Place place = place_;
        place.says = part.says;
        place.absent = part.absent;
        list_rows<std::remove_cvref_t<decltype(inner)>>(out_, inner, std::move(place));
    }

  private:
    template <class Rows, class Value>
    using Chosen = std::conditional_t<std::is_void_v<Rows>, Value, Rows>;

    template <class Rows, class Value>
    void below(const std::string& name, const Table<Rows>&, const Value& value) {
        if (name == "tls") return;  // as upstream_tls
        const auto object = present(value);
        Place place{place_.section, {}, name};
        if (name == "pricer") place = {"Pricers"};
        list_rows<Chosen<Rows, decltype(present(value))>>(out_, object, std::move(place));
    }
    template <class Rows, class Value>
    void below(const std::string& name, const Heading<Rows>&, const Value& value) {
        const auto object = present(value);
        list_rows<Chosen<Rows, decltype(present(value))>>(out_, object, {'[' + name + ']', name});
    }
    template <class Filled, class Element>
    void below(const std::string& name, const Sections<Filled>&, const std::vector<Element>&) {
        const std::string path = place_.path.empty() ? name : place_.path + '.' + name;
        const std::string heading = name == "listen" ? "[listen]" : "[[" + path + "]]";
        list_rows<Element>(out_, untouched<Element>(), {heading, path});
    }
    template <class As, class Value>
    void below(const std::string&, const As&, const Value&) {}

    std::vector<Said>& out_;
    const Object& object_;
    Place place_;
};

std::vector<Said> every_row() {
    std::vector<Said> out;
    list_rows<Config>(out, Config{}, {});
    return out;
}

// A section of its own, told by its heading.
bool is_section(const Said& row) {
    return row.section.empty() || (row.section == "[[service]]" && (row.name == "route" || row.name == "tier"));
}

std::string content(const std::string& file) {
    std::ifstream in(MILLRACE_SOURCE + file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

const std::map<std::string, ManualSection>& manual() {
    static const std::map<std::string, ManualSection> read = read_manual(content("/man/millraced.toml.5"));
    return read;
}

// (section, key) of each row that is listed in a section.
std::set<std::pair<std::string, std::string>> known_keys() {
    std::set<std::pair<std::string, std::string>> out;
    for (const Said& row : every_row()) out.emplace(row.section, row.name);
    return out;
}

// What is in backticks in a text.
std::vector<std::string> quoted(const std::string& text) {
    std::vector<std::string> out;
    for (std::size_t at = 0; (at = text.find('`', at)) != std::string::npos;) {
        const std::size_t end = std::min(text.find('`', at + 1), text.size());
        out.push_back(text.substr(at + 1, end - at - 1));
        at = end + 1;
    }
    return out;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// What the manual says of the key, behind its name where it stands in the text of another one's.
std::string description(const Said& row) {
    auto section = manual().find(row.section);
    if (section == manual().end()) return {};
    const auto& keys = section->second.keys;
    auto item = keys.find(row.inside.empty() ? row.name : row.inside);
    if (item == keys.end() || row.inside.empty()) return item == keys.end() ? std::string() : item->second;
    std::size_t at = item->second.find(row.name);
    return at == std::string::npos ? std::string() : item->second.substr(at);
}

// "Default: 75s.", "default: 75s;", also of several keys: "Default: 100 and 100000."
bool tells_default(const std::string& text, const Spellings& defaults) {
    for (std::size_t at = 0; (at = text.find("efault: ", at)) != std::string::npos; ++at) {
        std::size_t end = text.find(". ", at);
        const std::string told = text.substr(at, end == std::string::npos ? end : end - at);
        for (const std::string& spelled : defaults) {
            if (contains(told, spelled)) return true;
        }
    }
    return false;
}

}  // namespace

TEST_CASE("the manual has each key of the configuration, in the words of its row and with its default") {
    for (const Said& row : every_row()) {
        if (is_section(row)) continue;
        INFO(row.section << ' ' << row.inside << ' ' << row.name);
        const std::string text = description(row);
        INFO(text);
        INFO(row.says);
        CHECK_FALSE(text.empty());
        CHECK(contains(text, row.says));
        if (!row.has_default) continue;
        if (row.required) {
            CHECK((contains(text, "Required") || contains(text, "required")));
            continue;
        }
        INFO((row.defaults.empty() ? std::string("a row without a default") : row.defaults.front()));
        CHECK(tells_default(text, row.defaults));
    }
}

TEST_CASE("the manual lists no key that has no row") {
    const auto known = known_keys();
    std::set<std::string> sections;
    for (const auto& [section, name] : known) sections.insert(section);
    for (const auto& [heading, section] : manual()) {
        if (sections.count(heading) == 0) continue;
        for (const auto& [name, text] : section.keys) {
            INFO(heading << ' ' << name);
            CHECK(known.count({heading, name}) == 1);
        }
    }
}

TEST_CASE("the table in doc/configuration.md names no key that has no row") {
    const auto known = known_keys();
    std::istringstream in(content("/doc/configuration.md"));
    std::string section;
    std::size_t named = 0;
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with("| ")) continue;
        const std::size_t second = line.find('|', 1);
        const std::size_t third = line.find('|', second + 1);
        const auto heading = quoted(line.substr(0, second));
        if (!heading.empty()) section = heading.front();
        for (const std::string& name : quoted(line.substr(second, third - second))) {
            INFO(section << ' ' << name);
            CHECK(known.count({section, name}) == 1);
            ++named;
        }
    }
    CHECK(named > 80);
}
