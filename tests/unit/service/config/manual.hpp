// millraced.toml(5) as text: which keys its sections list, and what it says of each. It knows as much of mdoc(7) as
// that page is written in.
#pragma once

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace {

// Words of the rest of a macro line. Quotation marks around a word belong to the line.
inline std::vector<std::string> mdoc_words(const std::string& line) {
    std::vector<std::string> out;
    std::istringstream in(line);
    for (std::string word; in >> word;) {
        if (word.front() == '"') {
            std::string rest;
            if (word.size() == 1 || word.back() != '"') std::getline(in, rest, '"');
            word = word.substr(1) + rest;
            if (word.ends_with('"')) word.pop_back();
        }
        out.push_back(word);
    }
    return out;
}

inline std::string mdoc_text(std::string text) {
    for (const auto& [escape, letter] : {std::pair("\\&", ""), std::pair("\\(dq", "\""), std::pair("\\(en", "-")}) {
        for (std::size_t at = 0; (at = text.find(escape, at)) != std::string::npos;)
            text.replace(at, std::string_view(escape).size(), letter);
    }
    return text;
}

// One line as it is printed.
inline std::string mdoc_line(const std::string& line) {
    if (line.empty() || line.front() != '.') return mdoc_text(line);
    constexpr std::string_view plain = " Cm Li Pa Xr Sx Dv Ic Ql No Ar Ev Fl Em ";
    auto is_closing = [](const std::string& one) {
        return one.size() == 1 && std::string_view(".,;:)]").find(one) != std::string_view::npos;
    };
    std::vector<std::string> words = mdoc_words(line.substr(1));
    std::string out;
    std::string close;  // what encloses the rest of the line
    bool glued = true;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (plain.find(' ' + word + ' ') != std::string_view::npos) continue;
        const bool ends = is_closing(word);
        if (std::all_of(words.begin() + static_cast<std::ptrdiff_t>(i), words.end(), is_closing))
            out += std::exchange(close, "");
        if (!glued && !ends) out += ' ';
        glued = false;
        if (word == "Qq" || word == "Dq" || word == "Pq") {
            out += word == "Pq" ? "(" : "\"";
            close.insert(0, word == "Pq" ? ")" : "\"");
            glued = true;
        } else {
            out += mdoc_text(word);
            glued = word == "(" || word == "[";
        }
    }
    return out + close;
}

// What stands in the manual under one heading.
struct ManualSection {
    std::string text;                         // all of it
    std::map<std::string, std::string> keys;  // what the section lists, and what is said of each
};

// By heading: "[timeouts]".
inline std::map<std::string, ManualSection> read_manual(const std::string& source) {
    std::map<std::string, ManualSection> out;
    ManualSection* section = nullptr;
    std::vector<std::string> listed;  // keys of the item that is being read
    int depth = 0;
    std::istringstream in(source);
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with(".Ss ") || line.starts_with(".Sh ")) {
            section = &out[line.substr(4)];
            listed.clear();
            depth = 0;
        }
        if (!section || line.starts_with(".Ss ") || line.starts_with(".Sh ")) continue;
        if (line.starts_with(".Bl")) ++depth;
        if (line.starts_with(".El") && --depth == 0) listed.clear();
        if (line.starts_with(".It ") && depth == 1) {
            listed.clear();
            if (line.starts_with(".It Cm ")) {
                for (const std::string& word : mdoc_words(line.substr(7))) {
                    if (word != ",") listed.push_back(word);
                }
            }
            for (const std::string& key : listed) section->keys[key];
            continue;
        }
        const bool layout = line.starts_with(".Bl") || line.starts_with(".El") || line.starts_with(".Pp") ||
                            line.starts_with(".Bd") || line.starts_with(".Ed");
        if (layout) continue;
        const std::string printed = mdoc_line(line.starts_with(".It ") ? '.' + line.substr(4) : line) + ' ';
        section->text += printed;
        for (const std::string& key : listed) section->keys[key] += printed;
    }
    return out;
}

}  // namespace millrace
