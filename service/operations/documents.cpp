#include "service/operations/documents.hpp"

#include <algorithm>
#include <map>

namespace millrace::operations {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

std::string joined(std::span<const std::string_view> words, std::string_view between) {
    std::string out;
    for (std::string_view word : words) out += (out.empty() ? "" : std::string(between)) + std::string(word);
    return out;
}

// Those that are options on the command line; dry_run is one of all commands.
std::vector<const Argument*> options(const Operation& row) {
    std::vector<const Argument*> out;
    for (const Argument& one : row.arguments) {
        if (!one.required && one.name != dry_run_name) out.push_back(&one);
    }
    return out;
}

std::string synopsis(const Operation& row) {
    std::string out = ".It Cm " + std::string(row.command);
    for (const Argument& one : row.arguments) {
        if (one.required) out += " Ar " + (one.place == Place::body ? option_name(one.name) : lower(one.type));
    }
    const auto others = options(row);
    for (const Argument* one : others) {
        const bool last = one == others.back();
        out += (last ? " Op Fl Fl " : " Oo Fl Fl ") + option_name(one->name);
        out += one->words.empty() ? " Ar " + lower(one->type) : " Cm " + joined(one->words, " | ");
        if (!last) out += " Oc";
    }
    return out + '\n';
}

// Words in the order in which they came, each once.
class Words {
  public:
    void add(std::string_view key, const std::string& word) {
        std::string& all = words_[std::string(key)];
        if ((' ' + all + ' ').find(' ' + word + ' ') == std::string::npos) all += (all.empty() ? "" : " ") + word;
    }
    void know(std::string_view key) { words_[std::string(key)]; }

    [[nodiscard]] std::string array(std::string_view name) const {
        std::string out = "declare -gA _millrace_ctl_" + std::string(name) + "=(\n";
        for (const auto& [key, all] : words_) out += "    ['" + key + "']='" + all + "'\n";
        return out + ")\n";
    }

  private:
    std::map<std::string, std::string> words_;
};

}  // namespace

std::string manual_items(std::span<const Operation> rows) {
    std::string out;
    for (const Operation& row : rows)
        out += synopsis(row) + std::string(row.manual.empty() ? row.says : row.manual) + '\n';
    return out;
}

std::string completion_arrays(std::span<const Operation> rows) {
    constexpr std::string_view program = "-";
    Words words;
    Words values;
    Words files;
    for (const Operation& row : rows) {
        const std::string command(row.command);
        const std::size_t space = command.find(' ');
        words.add(program, command.substr(0, space));
        words.know(command);
        if (space != std::string::npos) words.add(command.substr(0, space), command.substr(space + 1));
        for (const Argument* one : options(row)) {
            const std::string option = "--" + option_name(one->name);
            words.add(command, option);
            values.know(option);
            for (std::string_view word : one->words) values.add(option, std::string(word));
        }
        const bool takes_file = std::any_of(row.arguments.begin(), row.arguments.end(),
                                            [](const Argument& one) { return one.place == Place::document; });
        if (takes_file) files.add(command, "1");
    }
    words.add(program, "mcp");
    return words.array("words") + values.array("values") + files.array("files");
}

std::string fill_in(std::string text, std::string_view made) {
    constexpr std::string_view line = "@commands@\n";
    if (const std::size_t at = text.find(line); at != std::string::npos) text.replace(at, line.size(), made);
    return text;
}

}  // namespace millrace::operations
