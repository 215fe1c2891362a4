#include "service/config/read_keys.hpp"

#include <toml++/toml.h>

#include "common/money/msat.hpp"
#include "tests/unit/catch.hpp"

using namespace millrace;
using namespace millrace::config;
using namespace std::chrono_literals;

namespace {

enum class Colour { red, green };

struct Inside {
    unsigned depth = 0;
    bool open = true;

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("depth", &Inside::depth, Whole{1, 9}, "How deep.").required("how deep, such as 3"));
        visit(key("open", &Inside::open, Flag{}, "Whether it is open."));
    }
};

struct Amounts {
    std::optional<std::uint64_t> bytes = {};
    std::optional<Msat> most = {};

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("bytes", &Amounts::bytes, Size{1, 2048, "must be at most \"2KiB\""}, "How many bytes."));
        visit(key("most_msat", &Amounts::most, msat(), "What it may cost."));
    }
};

struct Thing;
bool read_even(Reading& in, Asked asked, Thing& out);

struct Thing {
    std::string name = {};
    std::chrono::milliseconds wait = 5s;
    std::chrono::seconds life = 60s;
    Colour colour = Colour::red;
    bool loud = false;
    std::filesystem::path file = {};
    Amounts amounts = {};
    std::optional<Inside> inside = {};
    std::uint64_t even = 0;
    bool checked = false;

    template <class Visitor>
    static void keys(Visitor&& visit) {
        visit(key("name", &Thing::name, Text{}, "What it is called.").required("a name"));
        visit(key("wait", &Thing::wait, Duration{}, "How long it waits."));
        visit(key("life", &Thing::life,
                  Duration{.min = 1s, .max = 1h, .otherwise = "must be whole seconds", .whole_seconds = true},
                  "How long it lives."));
        visit(key("colour", &Thing::colour,
                  choice(Word<Colour>{"red", Colour::red}, Word<Colour>{"green", Colour::green},
                         Word<Colour>{"verdant", Colour::green, true}),
                  "Its colour."));
        visit(key("voice", &Thing::loud, either("soft", "loud"), "Its voice."));
        visit(key("file", &Thing::file, File{}, "Where it is."));
        visit(part(&Thing::amounts));
        visit(key("inside", &Thing::inside, Table{"{ depth = 3 }"}, "What is in it."));
        visit(key("even", &Thing::even, by(read_even), "An even number."));
    }
    static void check(Reading& in, Thing& thing) {
        thing.checked = true;
        if (thing.loud && thing.colour == Colour::red) in.section.fault("voice", "is not for red ones");
    }
};

bool read_even(Reading& in, Asked asked, Thing& out) {
    const auto number = in.section.integer(asked.name, 0, 100);
    if (number && *number % 2 != 0) in.section.fault(asked.name, "must be even for " + out.name);
    out.even = number.value_or(0);
    return number.has_value();
}

struct Outcome {
    Thing thing = {};
    bool complete = false;
    std::string faults = {};
};

Outcome read(const std::string& text) {
    const toml::table table = toml::parse(text);
    Faults faults("t.toml");
    Section section(&table, "thing", 1, faults);
    const std::filesystem::path folder = "/etc";
    const Environment environment;
    const Source source{folder, environment};
    Reading in{section, source};
    Outcome out;
    out.complete = read_keys<Thing>(in, out.thing);
    out.faults = faults.text();
    return out;
}

}  // namespace

TEST_CASE("a section is read by its rows; what it leaves out is as initialised") {
    const Outcome least = read("name = \"a\"\n");
    CHECK((least.complete && least.faults.empty() && least.thing.checked));
    CHECK((least.thing.wait == 5s && least.thing.life == 60s && !least.thing.inside && !least.thing.amounts.bytes));
    const Outcome all = read(R"(name = "a"
wait = "250ms"
life = "2m"
colour = "verdant"
voice = "loud"
file = "x/y"
bytes = "1KiB"
most_msat = 7
inside = { depth = 3, open = false }
even = 4
)");
    INFO(all.faults);
    CHECK((all.complete && all.faults.empty()));
    const Thing& thing = all.thing;
    CHECK((thing.wait == 250ms && thing.life == 2min && thing.colour == Colour::green && thing.loud));
    CHECK((thing.file == "/etc/x/y" && thing.amounts.bytes == 1024U && thing.amounts.most == Msat(7)));
    CHECK((thing.inside && thing.inside->depth == 3 && !thing.inside->open && thing.even == 4));
}

TEST_CASE("what no row takes is told with line, key, and what would be right") {
    struct {
        const char* lines;  // behind the name
        const char* fault;
    } const cases[] = {
        {"wait = \"0s\"", "t.toml:2: thing.wait: must be greater than zero"},
        {"life = \"1500ms\"", "t.toml:2: thing.life: must be whole seconds"},
        {"life = \"2h\"", "t.toml:2: thing.life: must be whole seconds"},
        {"colour = \"blue\"", "t.toml:2: thing.colour: must be \"red\" or \"green\", not \"blue\""},
        {"voice = true", "t.toml:2: thing.voice: must be text in quotes, not true"},
        {"voice = \"loud\"", "t.toml:2: thing.voice: is not for red ones"},
        {"bytes = 4096", "t.toml:2: thing.bytes: must be at most \"2KiB\""},
        {"most_msat = 0", "t.toml:2: thing.most_msat: must be a whole number from 1 to 1099511627775, not 0"},
        {"inside = 1", "t.toml:2: thing.inside: must be a table such as { depth = 3 }, not 1"},
        {"inside = { open = true }", "t.toml:2: thing.inside.depth: missing: how deep, such as 3"},
        {"inside = { depth = 1, wide = 2 }", "t.toml:2: thing.inside.wide: unknown key; known here: depth, open"},
        {"even = 3", "t.toml:2: thing.even: must be even for a"},
        {"odd = 3",
         "t.toml:2: thing.odd: unknown key; known here: name, wait, life, colour, voice, file, bytes, most_msat, "
         "inside, "
         "even"},
    };
    for (const auto& c : cases) {
        INFO(c.lines);
        const Outcome read_back = read("name = \"a\"\n" + std::string(c.lines) + '\n');
        CHECK(read_back.faults == c.fault);
        CHECK(read_back.complete);  // what must be there is
    }
}

TEST_CASE("an object is complete when each key that must be there is, and is good") {
    CHECK(read("").faults == "t.toml:1: thing.name: missing: a name");
    CHECK_FALSE(read("").complete);
    CHECK_FALSE(read("name = 3\n").complete);
    CHECK(read("name = \"a\"\ninside = 1\n").complete);
    CHECK_FALSE(read("name = \"a\"\ninside = { open = true }\n").thing.inside);
}
